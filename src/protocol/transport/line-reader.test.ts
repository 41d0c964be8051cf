import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answeredId, LineReader, looksLikeAnswer, type LineEdges } from './line-reader.js';

function read(chunks: readonly string[], maxLineBytes = 1_000) {
  const lines: string[] = [];
  const long: LineEdges[] = [];
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
    expect(long.map(answeredId)).toEqual([7]);
  });

  it('ignores a byte order mark, at the beginning of the stream only', () => {
    const { lines } = read(['\uFEFF{"a":1}\n', '\uFEFF{"a":2}\n']);
    expect(lines).toEqual(['{"a":1}', '\uFEFF{"a":2}']);
  });
});

describe('the id that a line answers', () => {
  it.each([
    ['at the beginning', '{"jsonrpc":"2.0","id":12,"result":{', '"}}', 12],
    ['before the version', '{"id":12,"jsonrpc":"2.0","error":{', '"}}', 12],
    ['at the end', '{"result":{', '}, "id": 3 }', 3],
    ['at the end, before the version', '{"result":{', '},"id":3,"jsonrpc":"2.0"}', 3],
    ['nowhere when it may be one of the result', '{"result":{"id":5,', '"id":5}}', undefined],
    ['nowhere in a request', '{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":{', '}}', undefined],
    ['nowhere in a request that ends with its id', '{"jsonrpc":"2.0","method":"x"', '"p":1},"id":1}', undefined],
  ])('is found %s', (_where, head, tail, id) => {
    expect(answeredId({ head, tail })).toBe(id);
  });

  it.each([
    [true, '{"jsonrpc":"2.0","result":{'],
    [false, '{"jsonrpc":"2.0","method":"notifications/progress"'],
    [false, '{"level":"info","msg":"started"'],
    [false, 'INFO "jsonrpc" is spoken'],
  ])('may be any: %s for %s', (expected, head) => {
    expect(looksLikeAnswer({ head, tail: '' })).toBe(expected);
  });
});
