import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SeaworthyError } from '#kernel/errors/index.js';
import { RawResult } from './index.js';

const raw = (text: string) => new RawResult(Buffer.from(text));
const spliced = (result: RawResult, set: Record<string, unknown>, remove?: string[]) =>
  Buffer.concat(result.splice(set, remove)).toString();

const name = fc.oneof(fc.constantFrom('content', '_meta', 'resultType', 'ttlMs', '__proto__'), fc.string());
const object = fc.array(fc.tuple(name, fc.jsonValue()), { maxLength: 8 }).map((members) => fromMembers(members));

/** JSON.parse keeps a member called `__proto__`; an assignment would not. */
const fromMembers = (members: Iterable<readonly [string, unknown]>) =>
  JSON.parse(
    `{${[...new Map(members)].map((member) => member.map((part) => JSON.stringify(part)).join(':')).join(',')}}`,
  ) as Record<string, unknown>;

describe('a raw result', () => {
  it('spliced and parsed equals the edited object', () => {
    fc.assert(
      fc.property(
        object,
        object,
        fc.array(name, { maxLength: 4 }),
        fc.constantFrom(0, 2),
        (value, set, remove, indent) => {
          const expected = new Map(Object.entries(value));
          for (const gone of remove) expected.delete(gone);
          for (const [key, member] of Object.entries(set)) expected.set(key, member);
          const text = spliced(raw(JSON.stringify(value, null, indent)), set, remove);
          expect(JSON.parse(text)).toEqual(fromMembers(expected));
          expect(text).not.toMatch(/[\r\n]/);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('made of a value is the one read from its text', () => {
    fc.assert(
      fc.property(object, object, fc.array(name, { maxLength: 4 }), (value, set, remove) => {
        const read = raw(JSON.stringify({ ...value, absent: undefined }));
        const made = RawResult.of({ ...value, absent: undefined });
        expect(spliced(made, set, remove)).toBe(spliced(read, set, remove));
        for (const key of Object.keys(value)) expect(made.get(key)).toEqual(read.get(key));
        expect(Buffer.concat(made.append('"x":1').map((part) => Buffer.from(part)))).toEqual(
          Buffer.concat(read.append('"x":1').map((part) => Buffer.from(part))),
        );
      }),
    );
  });

  it('keeps the exact text of what it does not touch', () => {
    const result = raw('{"n":12345678901234567890,"gone":1,"s":"\\u00fc","f":1.0}');
    expect(spliced(result, { added: true }, ['gone'])).toBe(
      '{"added":true,"n":12345678901234567890,"s":"\\u00fc","f":1.0}',
    );
  });

  it('gives the same bytes back where nothing changes', () => {
    const bytes = Buffer.from('{ "a" : 1 }');
    expect(new RawResult(bytes).splice({}, ['absent'])).toEqual([bytes]);
    expect(new RawResult(bytes).byteLength).toBe(bytes.length);
  });

  it('removes a member that is set to undefined, as JSON.stringify does', () => {
    expect(spliced(raw('{"a":1,"b":2}'), { a: undefined, c: undefined })).toBe('{"b":2}');
    expect(spliced(raw('{"a":1}'), { a: undefined })).toBe('{}');
  });

  it('stands on one line and leaves the bytes it was given alone', () => {
    const bytes = Buffer.from('{\r\n  "text": "a\\nb",\n  "list": [\n    1\r\n  ]\n}\n');
    const before = bytes.toString();
    const result = new RawResult(bytes);
    expect(Buffer.concat(result.splice({})).toString()).not.toMatch(/[\r\n]/);
    expect(result.toObject()).toEqual({ text: 'a\nb', list: [1] });
    expect(bytes.toString()).toBe(before);
  });

  it('reads one member, or the whole', () => {
    const result = raw('{"content":[{"type":"text","text":"hi"}],"isError":false}');
    expect(result.has('content')).toBe(true);
    expect(result.get('isError')).toBe(false);
    expect(result.has('absent')).toBe(false);
    expect(result.get('absent')).toBeUndefined();
    expect(result.toObject()).toEqual({ content: [{ type: 'text', text: 'hi' }], isError: false });
    expect(result.toObject()).toBe(result.toObject());
  });

  it('reports a value that the scanner skipped and that is not JSON', () => {
    const result = raw('{"a":tru,"b":1}');
    const refused = expect.objectContaining({ code: 'SW_JSON_PARSE' }) as SeaworthyError;
    expect(result.get('b')).toBe(1);
    expect(() => result.get('a')).toThrow(refused);
    expect(() => result.toObject()).toThrow(refused);
  });

  it('takes a hundred thousand members in its stride', () => {
    const members = Array.from({ length: 100_000 }, (_, i) => `"m${i}":${i}`);
    const pieces = raw(`{${members.join(',')}}`).splice({ added: 1 }, ['m5', 'm50000']);
    expect(pieces.length).toBeLessThan(10);
    expect(Object.keys(JSON.parse(Buffer.concat(pieces).toString()) as object)).toHaveLength(99_999);
  });
});
