import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SseParser } from './sse.js';

const text = (chunks: readonly Buffer[], maxEventBytes = 1_000_000) => {
  const events: { event: string; data: string; id: string | undefined; retry: number | undefined }[] = [];
  const parser = new SseParser((event) => events.push({ ...event, data: event.data.toString() }), maxEventBytes);
  for (const chunk of chunks) parser.feed(chunk);
  return events;
};
const read = (stream: string) => text([Buffer.from(stream)]);
const plain = { event: 'message', id: undefined, retry: undefined };

describe('the event stream parser', () => {
  it.each([
    ['LF', 'data: a\n\ndata: b\n\n'],
    ['CRLF', 'data: a\r\n\r\ndata: b\r\n\r\n'],
    ['CR', 'data: a\r\rdata: b\r\r'],
    ['mixed', 'data: a\r\n\ndata: b\n\r'],
  ])('ends lines at %s', (_name, stream) => {
    expect(read(stream).map((event) => event.data)).toEqual(['a', 'b']);
  });

  it('joins data lines with LF and takes one leading space away', () => {
    expect(read('data: a\ndata:  b\ndata:c\ndata\n\n')).toEqual([{ ...plain, data: 'a\n b\nc\n' }]);
  });

  it('skips comments, unknown fields and a byte order mark', () => {
    expect(read('\ufeff: keep-alive\nfoo: bar\ndata: a\n\n')).toEqual([{ ...plain, data: 'a' }]);
  });

  it('keeps the last id and retry, and refuses ids with NUL and retries that are no number', () => {
    expect(read('id: 1\nretry: 500\ndata\n\nid: 2\0\nretry: soon\nevent: x\ndata: a\n\n')).toEqual([
      { event: 'message', data: '', id: '1', retry: 500 },
      { event: 'x', data: 'a', id: '1', retry: 500 },
    ]);
  });

  it('yields nothing for a block without data or an event that never ends', () => {
    expect(read('event: x\n\nid: 7\n\ndata: cut')).toEqual([]);
  });

  it('refuses an event and a line over the bound', () => {
    const line = Buffer.from('data: 0123456789\n');
    expect(() => text([line, line, line], 25)).toThrow(expect.objectContaining({ code: 'SW_RESULT_TOO_LARGE' }));
    expect(() => text([Buffer.from(':'), Buffer.alloc(30, 'x')], 25)).toThrow(
      expect.objectContaining({ code: 'SW_RESULT_TOO_LARGE' }),
    );
  });

  it('gives the same events for any chunking', () => {
    const pieces = [
      'data: ä',
      'data',
      'id: 3',
      'event: e',
      'retry: 9',
      ': c',
      '\r',
      '\n',
      '\r\n',
      '\n\n',
      '\ufeff',
      'x',
      '',
    ];
    const streams = fc.array(fc.constantFrom(...pieces), { maxLength: 40 }).map((parts) => Buffer.from(parts.join('')));
    fc.assert(
      fc.property(streams, fc.array(fc.nat(12), { maxLength: 60 }), (stream, sizes) => {
        const chunks: Buffer[] = [];
        let at = 0;
        for (const size of sizes) {
          chunks.push(stream.subarray(at, at + size));
          at += size;
        }
        chunks.push(stream.subarray(at));
        expect(text(chunks)).toEqual(text([stream]));
      }),
    );
  });

  it('survives any bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 10 }), (chunks) => {
        const whole = Buffer.concat(chunks);
        expect(text(chunks.map((chunk) => Buffer.from(chunk)))).toEqual(text([whole]));
      }),
    );
  });
});
