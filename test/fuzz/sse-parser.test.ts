import { describe, expect, it } from 'vitest';
import { SseParser } from '#protocol/transport/index.js';
import { chance, type Chance } from '../support/seed.js';

/** How long each fuzzing goes on, milliseconds. */
const budgetMs = 4000;

const fragments = [
  'data: x\n',
  'data:{"a":1}\r\n',
  'data\n',
  'data: \n',
  'id: 1\n',
  'id: \u0000\n',
  'id\n',
  'retry: 10\n',
  'retry: x\n',
  'event: message\n',
  'event: \n',
  ': comment\n',
  '\n',
  '\r',
  '\r\n',
  '\r\n\r\n',
  '\ufeff',
  'data: é\n',
  'unknown: y\n',
  ':',
  '\n\n\n',
  'data: a\ndata: b\n\n',
];

const stream = (random: Chance): Buffer =>
  Buffer.concat(
    Array.from({ length: random.int(30) }, () =>
      random.int(10) === 0 ? random.bytes(random.int(8)) : Buffer.from(random.pick(fragments)),
    ),
  );

/** Everything that a parser says of some chunks, its failure included. */
function read(chunks: readonly Buffer[], maxEventBytes: number): string[] {
  const said: string[] = [];
  const parser = new SseParser(
    ({ event, data, id, retry }) => said.push(JSON.stringify([event, data.toString('latin1'), id, retry])),
    maxEventBytes,
  );
  try {
    for (const chunk of chunks) parser.feed(chunk);
  } catch (error) {
    expect(error).toMatchObject({ code: 'SW_RESULT_TOO_LARGE' });
    said.push('too large');
  }
  return said;
}

function split(random: Chance, bytes: Buffer): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const size = 1 + random.int(random.pick([1, 4, 40]));
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

/** The standard's algorithm, line by line over the whole text (HTML Living Standard, 9.2.6). */
function naive(bytes: Buffer): string[] {
  const text = bytes.toString('latin1').replace(/^\u00ef\u00bb\u00bf/, '');
  const said: string[] = [];
  let data: string[] = [];
  let type = '';
  let id: string | undefined;
  let retry: number | undefined;
  const lines = text.split(/\r\n|\r|\n/);
  for (const line of lines.slice(0, -1)) {
    if (line === '') {
      if (data.length > 0) said.push(JSON.stringify([type === '' ? 'message' : type, data.join('\n'), id, retry]));
      data = [];
      type = '';
      continue;
    }
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') data.push(value);
    else if (field === 'event') type = value;
    else if (field === 'id' && !value.includes('\u0000')) id = value;
    else if (field === 'retry' && /^\d+$/.test(value)) retry = Number(value);
  }
  return said;
}

describe('any bytes in an event stream', () => {
  it('mean the same however they are cut', () => {
    const random = chance('sse fuzz, cuts');
    const until = performance.now() + budgetMs;
    while (performance.now() < until) {
      const bytes = stream(random);
      const limit = random.pick([8, 64, 100_000]);
      const whole = read([bytes], limit);
      const pieces = read(split(random, bytes), limit);
      if (whole.includes('too large') || pieces.includes('too large')) continue; // Where it gives up may differ by a chunk.
      expect(pieces, `seed ${random.seed}: ${JSON.stringify(bytes.toString('latin1'))}`).toEqual(whole);
    }
  });

  it('mean what the standard says', () => {
    const random = chance('sse fuzz, standard');
    const until = performance.now() + budgetMs;
    while (performance.now() < until) {
      // ASCII and complete, so that text and bytes agree and no line is left over.
      const bytes = Buffer.from(
        Array.from({ length: random.int(30) }, () => random.pick(fragments))
          .join('')
          .replace(/\ufeff/g, '')
          .replace(/é/g, 'e'),
      );
      expect(read([bytes], 100_000), `seed ${random.seed}: ${JSON.stringify(bytes.toString())}`).toEqual(naive(bytes));
    }
  });
});
