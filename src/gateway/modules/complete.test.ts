import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineModule, prompt, resource, resourceTemplate, testModule, type Provisioned } from './index.js';

const serve = (provisioned: Provisioned) =>
  testModule(
    defineModule({ id: 'sample', doc: 'A sample.', config: z.strictObject({}), provision: () => provisioned }),
  );
const many = Array.from({ length: 150 }, (_, i) => `v${i}`);
const prompts = [
  prompt({
    name: 'p',
    description: 'P.',
    arguments: [
      { name: 'a', description: 'A.', complete: (prefix, { b = '' }) => many.map((value) => prefix + b + value) },
      { name: 'b', description: 'B.' },
    ],
    get: () => '',
  }),
];
const ask = (argument: string, value = '', of = 'p') => ({
  ref: { type: 'ref/prompt', name: of },
  argument: { name: argument, value },
});

describe('completion/complete', () => {
  it('cuts at 100 values and says how many there are', async () => {
    const { complete } = await serve({ prompts });
    const { completion } = (await complete(ask('a', 'x'))) as { completion: { values: string[] } };
    expect(completion.values).toHaveLength(100);
    expect(completion).toMatchObject({ total: 150, hasMore: true });
    expect(completion.values[0]).toBe('xv0');
  });

  it('hands over the arguments filled in so far', async () => {
    const { complete } = await serve({ prompts });
    const result = await complete({ ...ask('a'), context: { arguments: { b: 'B', c: 1 } } });
    expect(JSON.stringify(result)).toContain('"Bv0"');
  });

  it('answers no values where nothing completes, and asks the module where it does', async () => {
    const none = { completion: { values: [], total: 0, hasMore: false } };
    expect(await (await serve({ prompts })).complete(ask('b'))).toEqual(none);
    const { complete } = await serve({
      prompts,
      complete: ({ kind, of, argument }, prefix) => [kind, of, argument, prefix],
    });
    expect(await complete(ask('b', 'x'))).toMatchObject({ completion: { values: ['prompt', 'p', 'b', 'x'] } });
  });

  it('refuses what is not offered, and malformed requests', async () => {
    const { complete } = await serve({
      prompts,
      resources: [resource({ uri: 'r://1', name: 'r', read: () => '' })],
      resourceTemplates: [resourceTemplate({ uriTemplate: 'r://{id}', name: 't', read: () => '' })],
    });
    await expect(complete(ask('a', '', 'none'))).rejects.toMatchObject({ code: 'SW_PROMPT_UNKNOWN' });
    const argument = { name: 'id', value: '' };
    await expect(complete({ ref: { type: 'ref/resource', uri: 'x://' }, argument })).rejects.toMatchObject({
      code: 'SW_RESOURCE_UNKNOWN',
    });
    for (const uri of ['r://1', 'r://{id}'])
      expect(await complete({ ref: { type: 'ref/resource', uri }, argument })).toMatchObject({
        completion: { values: [] },
      });
    await expect(complete({ ref: { type: 'ref/other' }, argument })).rejects.toMatchObject({
      code: 'SW_PARAMS_INVALID',
    });
    await expect(complete({})).rejects.toMatchObject({ code: 'SW_PARAMS_INVALID' });
  });
});
