import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { RawResult } from '../../jsonrpc/index.js';
import type { JsonObject } from '../../model/index.js';
import { legacy } from '../index.js';

describe('a tool on its way to a legacy client', () => {
  it('keeps an output schema with an object at its root', () => {
    const tool = { name: 'a', outputSchema: { type: 'object', properties: {} } };
    expect(legacy.legacyTool(tool)).toBe(tool);
    expect(legacy.legacyTool({ name: 'a' })).toEqual({ name: 'a' });
  });

  it('has any other one level down, with its references', () => {
    const outputSchema = {
      $schema: 's',
      type: 'array',
      items: { $ref: '#/$defs/a' },
      $defs: { a: { $ref: '#' }, b: { $ref: 'https://x/#/y' }, c: { $ref: '#anchor' } },
    };
    expect(legacy.legacyTool({ name: 'a', outputSchema })).toEqual({
      name: 'a',
      outputSchema: {
        $schema: 's',
        type: 'object',
        required: ['result'],
        properties: {
          result: {
            type: 'array',
            items: { $ref: '#/properties/result/$defs/a' },
            $defs: { a: { $ref: '#/properties/result' }, b: { $ref: 'https://x/#/y' }, c: { $ref: '#anchor' } },
          },
        },
      },
    });
  });

  it('keeps references that do not start at the root, and data that looks like one', () => {
    const root = {
      anyOf: [{ $id: 'https://x/own', $defs: { a: {} }, $ref: '#/$defs/a' }, { const: { $ref: '#/kept' } }],
      $dynamicRef: '#/$defs/a',
    };
    expect(legacy.legacyTool({ name: 'a', outputSchema: root })['outputSchema']).toMatchObject({
      properties: { result: { ...root, $dynamicRef: '#/properties/result/$defs/a' } },
    });
  });
});

const anObject = { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] };
const schemas: [string, JsonObject, unknown][] = [
  ['a list', { type: 'array', items: { type: 'integer' } }, [1, 2]],
  ['a string', { type: 'string' }, 'text'],
  ['null', { type: 'null' }, null],
  ['any of several, an object given', { anyOf: [anObject, { type: 'null' }] }, { a: 1 }],
  ['any of several, none given', { anyOf: [anObject, { type: 'null' }] }, null],
  ['a reference to an object', { $ref: '#/$defs/it', $defs: { it: anObject } }, { a: 1 }],
  ['an object or null', { type: ['object', 'null'] }, { a: 1 }],
  ['anything', {}, { a: 1 }],
  ['an object', anObject, { a: 1 }],
];

describe('the result of a tool for a legacy client', () => {
  it.each(schemas)('fits the schema that its list shows: %s', (_name, outputSchema, structuredContent) => {
    const shown = legacy.legacyTool({ name: 'a', outputSchema })['outputSchema'] as JsonObject;
    expect(shown['type']).toBe('object');
    const fits = new Ajv2020({ strict: false }).compile(shown);
    const result = { content: [], structuredContent };
    const raw = new RawResult(Buffer.from(JSON.stringify(result)));
    const asObject = legacy.legacyOutput(result, outputSchema) as JsonObject;
    const asBytes = (legacy.legacyOutput(raw, outputSchema) as RawResult).toObject();
    expect(asBytes).toEqual(asObject);
    expect(fits(asObject['structuredContent']), JSON.stringify(asObject)).toBe(true);
  });

  it('is the same object where nothing moves', () => {
    const result = { content: [], structuredContent: { a: 1 } };
    expect(legacy.legacyOutput(result, anObject)).toBe(result);
    expect(legacy.legacyOutput(result, undefined)).toBe(result);
    const raw = new RawResult(Buffer.from(JSON.stringify(result)));
    expect(legacy.legacyOutput(raw, anObject)).toBe(raw);
    const plain = new RawResult(Buffer.from('{"content":[]}'));
    expect(legacy.legacyOutput(plain, { type: 'array' })).toBe(plain);
  });

  it('is an object also where the tool shows no schema', () => {
    expect(legacy.legacyOutput({ structuredContent: [1] }, undefined)).toEqual({ structuredContent: { result: [1] } });
  });

  it('keeps the text of what moves', () => {
    const raw = new RawResult(
      Buffer.from('{"content": [], "structuredContent" : [12345678901234567890, "\\u00e9"] ,"z":1}'),
    );
    const [bytes] = (legacy.legacyOutput(raw, undefined) as RawResult).splice({});
    expect(bytes?.toString()).toBe(
      '{"content": [], "structuredContent" : {"result":[12345678901234567890, "\\u00e9"]} ,"z":1}',
    );
  });
});
