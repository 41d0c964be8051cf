import { describe, expect, it } from 'vitest';
import { CallScope } from '#kernel/context/index.js';
import { fail } from '#kernel/errors/index.js';
import { PeerError, RawResult } from '#protocol/jsonrpc/index.js';
import type { JsonObject, ModelResult, Revision } from '#protocol/model/index.js';
import type { Provider, ProviderCall } from '../catalog/index.js';
import { fulfilInput } from './index.js';

const everything = { elicitation: { form: {}, url: {} }, sampling: { tools: {} }, roots: {} };
const form = { method: 'elicitation/create', params: { message: 'Name?', requestedSchema: {} } };
const page = { method: 'elicitation/create', params: { mode: 'url', message: 'Open', url: 'https://example.com' } };
const model = { method: 'sampling/createMessage', params: { messages: [], maxTokens: 1 } };

interface Options {
  readonly capabilities?: JsonObject;
  readonly method?: string;
  /** Undefined: no way to ask. */
  readonly ask?: ((method: string, params: JsonObject) => Promise<JsonObject>) | undefined;
  readonly scope?: CallScope;
  readonly revision?: Revision;
}

/** Runs one call against a provider that answers `rounds` in turn, the last one again and again. */
function run(rounds: readonly (ModelResult | Error)[], options: Options = {}) {
  const seen: JsonObject[] = [];
  const asked: [string, JsonObject][] = [];
  const provider = {
    invoke: async ({ request }: ProviderCall) => {
      const round = rounds[Math.min(seen.length, rounds.length - 1)] as ModelResult | Error;
      seen.push(request.params);
      if (round instanceof Error) throw round;
      return round;
    },
  } as Partial<Provider> as Provider;
  const answer = 'ask' in options ? options.ask : async () => ({ action: 'accept' });
  const result = fulfilInput(provider, {
    request: {
      method: options.method ?? 'tools/call',
      params: { name: 't', arguments: { a: 1 }, requestState: 'stale' },
    },
    client: {
      family: 'legacy',
      revision: options.revision ?? '2025-11-25',
      capabilities: options.capabilities ?? everything,
    },
    scope: options.scope ?? new CallScope('r', { id: 'p', kind: 'key', name: 'p', roles: [] }, 0),
    channel: {
      notify: () => {},
      ask:
        answer &&
        ((method, params) => {
          asked.push([method, params]);
          return answer(method, params);
        }),
    },
    session: undefined,
  });
  return { result, seen, asked };
}

const needs = (inputRequests: JsonObject, requestState?: string): JsonObject => ({
  resultType: 'input_required',
  inputRequests,
  ...(requestState === undefined ? {} : { requestState }),
});
const done: JsonObject = { content: [] };
const failedTool = { isError: true };

describe('an input_required result for a legacy client', () => {
  it('is not made of a result that is complete', async () => {
    const raw = new RawResult(Buffer.from('{"content":[],"big":12345678901234567890}'));
    expect(await run([raw]).result).toBe(raw);
    expect(await run([done]).result).toBe(done);
  });

  it('becomes questions, and the call is made again with the answers and the exact state', async () => {
    const { result, seen, asked } = run([
      new RawResult(Buffer.from(JSON.stringify(needs({ a: form, b: model }, 's1')))),
      needs({ c: form }, 's2'),
      needs({ d: { method: 'roots/list' } }),
      done,
    ]);
    expect(await result).toBe(done);
    expect(asked.map(([method]) => method)).toEqual([
      'elicitation/create',
      'sampling/createMessage',
      'elicitation/create',
      'roots/list',
    ]);
    const call = { name: 't', arguments: { a: 1 } };
    const yes = { action: 'accept' };
    expect(seen.slice(1)).toEqual([
      { ...call, inputResponses: { a: yes, b: yes }, requestState: 's1' },
      { ...call, inputResponses: { c: yes }, requestState: 's2' },
      // The state of an earlier round is never sent again.
      { ...call, inputResponses: { d: yes } },
    ]);
  });

  it('ends after ten rounds, and asks nobody an eleventh time', async () => {
    const { result, asked } = run([needs({ a: form })]);
    await expect(result).rejects.toMatchObject({ code: 'SW_INPUT_ROUNDS' });
    expect(asked).toHaveLength(10);
  });

  it('that only carries state is called again after a while', async () => {
    const { result, seen, asked } = run([{ resultType: 'input_required', requestState: 'later' }, done]);
    expect(await result).toBe(done);
    expect(seen[1]).toMatchObject({ requestState: 'later' });
    expect(seen[1]).not.toHaveProperty('inputResponses');
    expect(asked).toEqual([]);
  });

  it('that only carries state is not called again for a client that has gone', async () => {
    const scope = new CallScope('r', { id: 'p', kind: 'key', name: 'p', roles: [] }, 0);
    const { result, seen } = run([{ resultType: 'input_required', requestState: 'later' }], { scope });
    setImmediate(() => scope.cancel('client'));
    await expect(result).rejects.toMatchObject({ code: 'SW_CANCELLED' });
    expect(seen).toHaveLength(1);
  });

  it('gives a page to open an id, which the legacy family needs', async () => {
    const { result, asked } = run([needs({ a: page }), done]);
    await result;
    expect(asked[0]?.[1]).toMatchObject({ mode: 'url', elicitationId: expect.stringMatching(/^[0-9a-f-]{36}$/) });
  });

  const unanswerable: readonly (readonly [string, JsonObject, Options])[] = [
    ['nothing declared', { a: form }, { capabilities: {} }],
    ['another capability declared', { a: form }, { capabilities: { sampling: {} } }],
    ['one of two declared', { a: form, b: model }, { capabilities: { elicitation: {} } }],
    ['a page where only forms are declared', { a: page }, { capabilities: { elicitation: {} } }],
    [
      'tools where only plain sampling is declared',
      { a: { ...model, params: { ...model.params, tools: [] } } },
      { capabilities: { sampling: {} } },
    ],
    ['no way to ask', { a: form }, { ask: undefined }],
    ['a method that is none', { a: { method: 'tools/call' } }, {}],
    ['a method of every object', { a: { method: 'toString' } }, {}],
    ['a request that is none', { a: 7 }, {}],
  ];
  it.each(unanswerable)(
    'that cannot be answered fails the tool and asks nothing: %s',
    async (_name, requests, options) => {
      const { result, asked, seen } = run([needs(requests)], options);
      expect(await result).toMatchObject(failedTool);
      expect([asked.length, seen.length]).toEqual([0, 1]);
    },
  );

  it.each(['prompts/get', 'resources/read'])('that cannot be answered fails %s with a typed error', async (method) => {
    await expect(run([needs({ a: form })], { capabilities: {}, method }).result).rejects.toMatchObject({
      code: 'SW_INPUT_UNAVAILABLE',
    });
  });

  it('ends with the error that the client answers', async () => {
    const refusal = new PeerError({ code: -1, message: 'no' });
    await expect(run([needs({ a: form })], { ask: () => Promise.reject(refusal) }).result).rejects.toBe(refusal);
  });

  it.each([
    ['of ours', fail('SW_CAPABILITY_MISSING', { requiredCapabilities: { sampling: {} } })],
    [
      'of an upstream',
      new PeerError({ code: -32021, message: 'no', data: { requiredCapabilities: { sampling: {} } } }),
    ],
  ])('a missing capability %s fails the call in words of its family', async (_name, error) => {
    expect(JSON.stringify(await run([error]).result)).toMatch(/isError.*asked for sampling/);
    await expect(run([error], { method: 'prompts/get' }).result).rejects.toMatchObject({
      code: 'SW_INPUT_UNAVAILABLE',
      details: { requiredCapabilities: { sampling: {} } },
    });
  });

  describe('pages to open', () => {
    const refusal = new PeerError({ code: -32042, message: 'first', data: { elicitations: [page.params] } });

    it('that a legacy server wants first are told to a client of 2025-11-25 as they are', async () => {
      await expect(run([refusal]).result).rejects.toBe(refusal);
    });

    it.each(['2025-06-18', '2025-03-26', '2024-11-05'] as const)(
      'fail the call of a client of %s',
      async (revision) => {
        expect(await run([refusal], { revision }).result).toMatchObject(failedTool);
        await expect(run([refusal], { revision, method: 'prompts/get' }).result).rejects.toMatchObject({
          code: 'SW_INPUT_UNAVAILABLE',
        });
      },
    );

    it('that a modern server asks for are an error with ids where there is no way to ask', async () => {
      await expect(run([needs({ a: page }, 's')], { ask: undefined }).result).rejects.toMatchObject({
        error: { code: -32042, data: { elicitations: [{ ...page.params, elicitationId: expect.any(String) }] } },
      });
    });

    it.each<[string, JsonObject, Options]>([
      ['a form besides', { a: page, b: form }, {}],
      ['no pages declared', { a: page }, { capabilities: { elicitation: {} } }],
      ['an older client', { a: page }, { revision: '2025-06-18' }],
    ])('fail the call where there is no way to ask and %s', async (_name, requests, options) => {
      expect(await run([needs(requests)], { ...options, ask: undefined }).result).toMatchObject(failedTool);
    });
  });

  it('passes any other error on as it is', async () => {
    const error = fail('SW_UPSTREAM_LOST', { provider: 'p', reason: 'x' });
    await expect(run([error]).result).rejects.toBe(error);
  });
});
