import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeaworthyError } from '#kernel/errors/index.js';
import { parseMembers } from './index.js';

const scan = (text: string) => parseMembers(Buffer.from(text));

describe('the member scanner', () => {
  it('finds every member and its exact text', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue()),
        fc.constantFrom(undefined, 2, '\t'),
        (object, indent) => {
          const bytes = Buffer.from(JSON.stringify(object, null, indent));
          const members = parseMembers(bytes);
          expect([...members.keys()].sort()).toEqual(Object.keys(object).sort());
          for (const [name, { keyStart, start, end }] of members) {
            const member = JSON.parse(`{${bytes.toString('utf8', keyStart, end)}}`) as Record<string, unknown>;
            expect(Object.keys(member)).toEqual([name]);
            const value: unknown = JSON.parse(bytes.toString('utf8', start, end));
            expect(value).toEqual(JSON.parse(JSON.stringify(object[name])));
          }
        },
      ),
    );
  });

  it('is not misled by escapes near the border between its two ways to skip a string', () => {
    for (let length = 25; length < 45; length++)
      for (const tail of ['\\"', '\\\\', '\\\\\\"', '\\\\\\\\', '\\"\\"\\"', 'x\\"y']) {
        const text = 'a'.repeat(length) + tail;
        const { start, end } = scan(`{"s":"${text}","t":1}`).get('s') ?? { start: 0, end: 0 };
        expect(end - start).toBe(text.length + 2);
      }
  });

  it('throws nothing but our errors, whatever the bytes are', () => {
    const pieces = fc.constantFrom('{', '}', '[', ']', '"', ':', ',', '\\', ' ', '\n', 'a', '1', '"a"', 'true', '\\u');
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 30 }), (text) => {
        try {
          scan(`{${text.join('')}`);
        } catch (error) {
          expect(error).toBeInstanceOf(SeaworthyError);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    ['no object', '[1]'],
    ['an end that is missing', '{"a":1'],
    ['brackets that do not match', '{"a":[}]}'],
    ['a value that is missing', '{"a":}'],
    ['a colon that is missing', '{"a" 1}'],
    ['a name that is missing', '{1:1}'],
    ['a name with a bad escape', '{"\\x":1}'],
    ['a comma that is missing', '{"a":1 "b":2}'],
    ['something after the end', '{"a":1} x'],
  ])('refuses %s', (_, text) => {
    expect(() => scan(text)).toThrow(expect.objectContaining({ code: 'SW_JSON_PARSE' }));
  });

  it('refuses a repeated member, also one written with escapes', () => {
    expect(() => scan('{"a":1,"\\u0061":2}')).toThrow(expect.objectContaining({ code: 'SW_JSON_DUPLICATE_KEY' }));
  });

  it('bounds the nesting of values', () => {
    expect(() => scan(`{"a":${'['.repeat(100_000)}`)).toThrow(expect.objectContaining({ code: 'SW_JSON_TOO_DEEP' }));
  });
});
