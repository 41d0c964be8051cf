import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeaworthyError } from '#kernel/errors/index.js';
import { argumentsTextOf, parseStrict } from './index.js';

const maxDepth = 64;
const parse = (text: string | Buffer) => parseStrict(Buffer.from(text), maxDepth);
const codeOf = (text: string | Buffer): string => {
  try {
    parse(text);
    return 'accepted';
  } catch (error) {
    expect(error).toBeInstanceOf(SeaworthyError);
    return (error as SeaworthyError).code;
  }
};
const call = (params: string) => `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`;

/** Values without the names that decide something, so that no case variant of them comes up by chance. */
const jsonWithoutNames = fc.jsonValue({ maxDepth: 6 }).map((value) => ({ jsonrpc: '2.0', id: 1, result: { value } }));

describe('strict parsing', () => {
  it('reads every JSON value as JSON.parse does, in any layout', () => {
    fc.assert(
      fc.property(jsonWithoutNames, fc.constantFrom(undefined, 1, '\t', ' \r\n'), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(parse(text).value).toEqual(JSON.parse(text));
      }),
    );
  });

  it('answers random bytes and damaged messages with a value or one of our errors', () => {
    const message = Buffer.from(call('{"name":"echo","arguments":{"text":"a\\"\\\\ü","n":[1,2.5e3,{"x":null}]}}'));
    const damaged = fc
      .tuple(fc.nat(message.length - 1), fc.uint8Array({ maxLength: 4 }), fc.nat(4))
      .map(([at, bytes, skip]) => Buffer.concat([message.subarray(0, at), bytes, message.subarray(at + skip)]));
    fc.assert(
      fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 80 }).map(Buffer.from)), (bytes) => {
        codeOf(bytes);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['nothing', ''],
    ['a byte order mark', '\uFEFF{}'],
    ['a raw control character in a string', '{"a":"\n"}'],
    ['an unfinished string', '{"a":"b'],
    ['an unfinished escape', '{"a":"b\\'],
    ['a trailing comma', '{"a":1,}'],
    ['a comment', '{/* */}'],
    ['two values', '{} {}'],
    ['NaN', '{"a":NaN}'],
  ])('refuses %s', (_, text) => {
    expect(codeOf(text)).toBe('SW_JSON_PARSE');
  });

  it('refuses what is not UTF-8', () => {
    expect(codeOf(Buffer.from('{"a":"ü"}', 'latin1'))).toBe('SW_JSON_PARSE');
    expect(codeOf(Buffer.from('{"a":1}', 'utf16le'))).toBe('SW_JSON_PARSE');
  });

  it('bounds the nesting, brackets in strings not counted', () => {
    const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
    expect(codeOf(nested(maxDepth))).toBe('accepted');
    expect(codeOf(nested(maxDepth + 1))).toBe('SW_JSON_TOO_DEEP');
    expect(codeOf('['.repeat(1_000_000))).toBe('SW_JSON_TOO_DEEP');
    expect(codeOf(`{"a":"${'['.repeat(maxDepth * 2)}"}`)).toBe('accepted');
  });
});

describe('repeated members', () => {
  it('are refused at any depth, however the name is written', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('{"in":', '['), { maxLength: 20 }),
        fc.constantFrom('"tool"', '"\\u0074ool"', '"t\\u006fol"'),
        fc.json(),
        (wrappers, twin, between) => {
          let text = `{"tool":1,"between":${between},${twin}:2}`;
          for (const wrapper of wrappers) text = wrapper + text + (wrapper === '[' ? ']' : '}');
          expect(codeOf(`{"result":${text}}`)).toBe('SW_JSON_DUPLICATE_KEY');
        },
      ),
    );
  });

  it('are refused even where the name is __proto__ or a number', () => {
    expect(codeOf('{"__proto__":{},"__proto__":{}}')).toBe('SW_JSON_DUPLICATE_KEY');
    expect(codeOf('{"1":{},"1":{}}')).toBe('SW_JSON_DUPLICATE_KEY');
    expect(codeOf('{"__proto__":{"1":2}}')).toBe('accepted');
  });

  it('do not count colons in strings', () => {
    expect(codeOf('{"a":"b:c\\":\\\\","d:e":":"}')).toBe('accepted');
  });
});

describe('names that differ only in case', () => {
  it.each([
    ['the method', '{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call"}'],
    ['a name of the message without its twin', '{"jsonrpc":"2.0","id":1,"METHOD":"tools/call"}'],
    ['a long s, which folds to s', '{"jsonrpc":"2.0","id":1,"method":"x","param\u017F":{}}'],
    ['the tool', call('{"name":"echo","Name":"shutdown"}')],
    ['arguments without their twin', call('{"name":"echo","Arguments":{"path":"/"}}')],
    ['arguments with a long s', call('{"name":"echo","argument\u017F":{"path":"/"}}')],
    ['two arguments', call('{"name":"echo","arguments":{"path":"a","PATH":"b"}}')],
    ['two arguments by the Kelvin sign', call('{"name":"echo","arguments":{"key":"a","\u212Aey":"b"}}')],
    ['metadata', call('{"name":"echo","_meta":{"progressToken":1,"progresstoken":2}}')],
    ['one message of a batch', `[{"jsonrpc":"2.0","method":"a"},${call('{"name":"echo","NAME":"x"}')}]`],
  ])('are refused: %s', (_, text) => {
    expect(codeOf(text)).toBe('SW_JSON_DUPLICATE_KEY');
  });

  it('are data deeper inside the arguments and in a result', () => {
    expect(codeOf(call('{"name":"echo","arguments":{"env":{"Path":1,"PATH":2}}}'))).toBe('accepted');
    expect(codeOf('{"jsonrpc":"2.0","id":1,"result":{"a":1,"A":2}}')).toBe('accepted');
  });
});

describe('numbers', () => {
  const wide = (number: string) => parse(call(`{"arguments":{"n":${number}}}`)).wideNumber;

  it.each(['9007199254740993', '12345678901234567890', '0.12345678901234567', '1e400', '1E-400', '-1.5e308'])(
    '%s may be more than a double holds',
    (number) => {
      expect(wide(number)).toBe(true);
    },
  );

  it.each(['0', '-1', '123456789012345', '1234567890.12345', '"12345678901234567890"', '"1e400"', 'true', 'false'])(
    '%s is held exactly',
    (number) => {
      expect(wide(number)).toBe(false);
    },
  );

  it('keep their exact text in the arguments', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 10n ** 16n, max: 10n ** 40n }), fc.json(), (number, other) => {
        const text = `{ "n" : ${number}, "other":${other}}`;
        const body = Buffer.from(call(`{"name":"echo", "arguments": ${text} ,"_meta":{}}`));
        expect(parseStrict(body, maxDepth).wideNumber).toBe(true);
        expect(argumentsTextOf(body)).toBe(text);
      }),
    );
  });

  it('that are integers and not reported are held exactly', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), (integer) => {
        if (!wide(String(integer))) expect(BigInt(Number(integer))).toBe(integer);
      }),
    );
  });

  it('have no arguments text where there are no arguments', () => {
    for (const params of ['{}', '[]', '1', 'null']) expect(argumentsTextOf(Buffer.from(call(params)))).toBeUndefined();
    expect(argumentsTextOf(Buffer.from('{"jsonrpc":"2.0","method":"ping"}'))).toBeUndefined();
  });
});
