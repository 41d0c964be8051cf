import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { idOfLongLine, LineReader, type LongLine } from './line-reader.js';

function read(chunks: readonly string[], maxLineBytes = 1_000) {
  const lines: string[] = [];
  const long: LongLine[] = [];
  const reader = new LineReader(
    maxLineBytes,
    (line) => lines.push(line.toString()),
    (line) => long.push(line),
  );
  for (const chunk of chunks) reader.feed(Buffer.from(chunk));
  return { lines, long };
}

describe('the line reader', () => {
  it('gives the same lines for any chunking, and skips empty ones', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'bc', '\n', '\n\n', 'd'), { maxLength: 40 }), (parts) => {
        const whole = `${parts.join('')}\n`;
        expect(read([...parts, '\n']).lines).toEqual(whole.split('\n').filter(Boolean));
      }),
    );
  });

  it('skips a line over the bound, keeps its ends, and goes on', () => {
    const body = 'x'.repeat(5_000);
    const { lines, long } = read(['first\n{"result":{"t":"', body, body, '"},"jsonrpc":"2.0","id":7}\nlast\n']);
    expect(lines).toEqual(['first', 'last']);
    expect(long.map(idOfLongLine)).toEqual([7]);
  });
});

describe('the id of a long line', () => {
  it.each([
    ['at the beginning', '{"jsonrpc":"2.0","id":12,"result":{', '"}}', 12],
    ['at the end', '{"result":{', '}, "id": 3 }', 3],
    ['before the version', '{"result":{', '},"id":3,"jsonrpc":"2.0"}', 3],
    ['unknown when it may be one of the result', '{"result":{"id":5,', '"id":5}}', undefined],
  ])('is found %s', (_where, head, tail, id) => {
    expect(idOfLongLine({ head, tail })).toBe(id);
  });
});
