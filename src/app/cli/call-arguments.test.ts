import { describe, expect, it } from 'vitest';
import { readArguments } from './call-arguments.js';

const schema = {
  type: 'object',
  properties: {
    text: { type: 'string' },
    count: { type: 'integer' },
    ratio: { type: 'number' },
    flag: { type: 'boolean' },
    list: { type: 'array', items: { type: 'string' } },
    numbers: { type: 'array', items: { type: 'number' } },
    options: { type: 'object' },
    maybe: { anyOf: [{ type: 'integer' }, { type: 'null' }] },
    either: { type: ['number', 'string'] },
    level: { $ref: '#/$defs/level' },
  },
  $defs: { level: { enum: ['low', 'high'] } },
};
const read = (...pairs: string[]) => readArguments(pairs, undefined, schema);

describe('key=value', () => {
  it.each([
    ['text=12', { text: '12' }],
    ['text=a=b', { text: 'a=b' }],
    ['text=', { text: '' }],
    ['count=3', { count: 3 }],
    ['ratio=3', { ratio: 3 }],
    ['ratio=0.5', { ratio: 0.5 }],
    ['flag=true', { flag: true }],
    ['options={"a":1}', { options: { a: 1 } }],
    ['list=["1","2"]', { list: ['1', '2'] }],
    ['list=1', { list: ['1'] }],
    ['maybe=null', { maybe: null }],
    ['either=5', { either: 5 }],
    ['either=five', { either: 'five' }],
    ['level=low', { level: 'low' }],
    ['unknown={"a":1}', { unknown: { a: 1 } }],
    ['unknown=text', { unknown: 'text' }],
  ])('is read by the type of the schema: %s', (pair, expected) => {
    expect(read(pair)).toEqual(expected);
  });

  it('given several times makes a list', () => {
    expect(read('numbers=1', 'numbers=2')).toEqual({ numbers: [1, 2] });
  });

  it('comes on top of --args', () => {
    expect(readArguments(['count=2'], '{"count":1,"flag":true}', schema)).toEqual({ count: 2, flag: true });
  });

  it.each(['count=1.5', 'count=x', 'flag=yes', 'options=[]', 'nothing', '=x'])('is refused: %s', (pair) => {
    expect(() => read(pair)).toThrow(expect.objectContaining({ code: 'SW_USAGE' }));
  });

  it.each(['{', '[]', '"x"'])('--args must be an object: %s', (text) => {
    expect(() => readArguments([], text, schema)).toThrow(expect.objectContaining({ code: 'SW_USAGE' }));
  });
});
