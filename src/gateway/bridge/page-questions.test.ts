import { describe, expect, it } from 'vitest';
import { CallScope } from '#kernel/context/index.js';
import { createSealer, memoryKeyRing } from '#kernel/secrets/index.js';
import { PeerError } from '#protocol/jsonrpc/index.js';
import type { JsonObject, ModelResult } from '#protocol/model/index.js';
import type { Provider, ProviderCall } from '../catalog/index.js';
import { Parking } from './parking.js';

const keyRing = memoryKeyRing();
let now = 1_000_000;
/** Another one is another process with the same keys. */
const replica = () =>
  new Parking({
    sealer: createSealer(keyRing, 'parked-call'),
    limits: { maxCalls: 10, maxCallsPerPrincipal: 10, maxBytes: 10_000, parkedMs: 60_000 },
    now: () => now,
  });

const page = { mode: 'url', elicitationId: 'e-1', url: 'https://example.com/consent', message: 'Allow' };
const refusal = (elicitations: unknown = [page]) =>
  new PeerError({ code: -32042, message: 'first', data: { elicitations } });

/** A legacy server that wants its pages opened before call number `opensAt`. */
function server(opensAt = 2, error = refusal()) {
  const calls: JsonObject[] = [];
  const provider = {
    id: 'old',
    kind: 'http',
    snapshot: () => ({ family: 'legacy' }),
    invoke: async ({ request }: ProviderCall): Promise<ModelResult> => {
      calls.push(request.params);
      if (calls.length < opensAt) throw error;
      return { content: [] };
    },
  } as unknown as Provider;
  return { provider, calls };
}

interface More {
  readonly principal?: string;
  readonly capabilities?: JsonObject;
  readonly method?: string;
}
const call = (extra: JsonObject = {}, more: More = {}): ProviderCall => {
  const id = more.principal ?? 'key:1';
  return {
    request: { method: more.method ?? 'tools/call', params: { name: 'pay', arguments: { sum: 5 }, ...extra } },
    client: {
      family: 'modern',
      revision: '2026-07-28',
      capabilities: more.capabilities ?? { elicitation: { url: {} } },
    },
    scope: new CallScope('r', { id, kind: 'key', name: id, roles: [] }, 0),
    channel: { notify: () => {} },
    session: undefined,
  };
};
const accept = { elicitation_1: { action: 'accept' } };
type Asked = { resultType: string; inputRequests: JsonObject; requestState: string };

describe('pages that a legacy server wants opened first', () => {
  it('are a question, and the retry makes the call anew, on any replica', async () => {
    const { provider, calls } = server();
    const first = replica();
    const { resultType, inputRequests, requestState } = (await first.invoke(provider, call())) as Asked;
    expect(resultType).toBe('input_required');
    const { elicitationId: _legacyOnly, ...params } = page;
    expect(inputRequests).toEqual({ elicitation_1: { method: 'elicitation/create', params } });
    expect(first.size).toBe(0);
    const result = await replica().invoke(provider, call({ requestState, inputResponses: accept, other: 1 }));
    expect(result).toEqual({ content: [] });
    expect(calls).toEqual([
      { name: 'pay', arguments: { sum: 5 } },
      { name: 'pay', arguments: { sum: 5 }, other: 1 },
    ]);
  });

  it('are asked for again while the server wants them, and not for ever', async () => {
    const { provider, calls } = server(Infinity);
    const parking = replica();
    let extra: JsonObject = {};
    for (let round = 1; round <= 10; round++) {
      const { requestState } = (await parking.invoke(provider, call(extra))) as Asked;
      // Opening a page is not finishing what is on it; not opening it is not refusing.
      extra = { requestState, inputResponses: round % 2 ? accept : {} };
    }
    await expect(parking.invoke(provider, call(extra))).rejects.toMatchObject({ code: 'SW_INPUT_ROUNDS' });
    expect(calls).toHaveLength(11);
  });

  it.each(['decline', 'cancel', undefined])('end the call when the answer is %s', async (action) => {
    const { provider, calls } = server();
    const { requestState } = (await replica().invoke(provider, call())) as Asked;
    const inputResponses = { elicitation_1: { action } };
    await expect(replica().invoke(provider, call({ requestState, inputResponses }))).rejects.toMatchObject({
      code: 'SW_INPUT_DECLINED',
    });
    expect(calls).toHaveLength(1);
  });

  it('are never asked of a client that did not declare them', async () => {
    for (const capabilities of [{}, { elicitation: {} }, { elicitation: { form: {} } }])
      await expect(replica().invoke(server().provider, call({}, { capabilities }))).rejects.toMatchObject({
        code: 'SW_CAPABILITY_MISSING',
        details: { requiredCapabilities: { elicitation: { url: {} } } },
      });
  });

  it.each([null, [], 'x', [{ mode: 'url' }], [7]])('that are not there (%j) are the server’s fault', async (list) => {
    await expect(replica().invoke(server(2, refusal(list)).provider, call())).rejects.toMatchObject({
      code: 'SW_UPSTREAM_PROTOCOL',
    });
  });

  it('cannot be a result of other methods', async () => {
    const complete = call({}, { method: 'completion/complete' });
    await expect(replica().invoke(server().provider, complete)).rejects.toMatchObject({ code: 'SW_INPUT_UNAVAILABLE' });
  });
});

describe('their state', () => {
  const wrong: [string, (state: string) => [JsonObject, More?]][] = [
    ['changed', (requestState) => [{ requestState: `${requestState}x` }]],
    ['of somebody else', (requestState) => [{ requestState }, { principal: 'key:2' }]],
    ['of other arguments', (requestState) => [{ requestState, arguments: { sum: 500 } }]],
    ['of another tool', (requestState) => [{ requestState, name: 'refund' }]],
  ];
  it.each(wrong)('%s is refused, and nothing runs', async (_name, change) => {
    const { provider, calls } = server();
    const { requestState } = (await replica().invoke(provider, call())) as Asked;
    const [extra, more] = change(requestState);
    await expect(replica().invoke(provider, call({ inputResponses: accept, ...extra }, more))).rejects.toMatchObject({
      code: 'SW_STATE_INVALID',
    });
    expect(calls).toHaveLength(1);
  });

  it('of another server is refused', async () => {
    const { provider } = server();
    const { requestState } = (await replica().invoke(provider, call())) as Asked;
    const other = { ...provider, id: 'other' };
    await expect(replica().invoke(other, call({ requestState }))).rejects.toMatchObject({ code: 'SW_STATE_INVALID' });
  });

  it('is refused after its time', async () => {
    const { provider } = server();
    const { requestState } = (await replica().invoke(provider, call())) as Asked;
    now += 60_001;
    await expect(replica().invoke(provider, call({ requestState }))).rejects.toMatchObject({
      code: 'SW_STATE_INVALID',
    });
  });

  it.each([[{ inputResponses: 7 }], [{ inputResponses: { elicitation_1: 7 } }]])(
    'with %j is no answer',
    async (extra) => {
      const { provider } = server();
      const { requestState } = (await replica().invoke(provider, call())) as Asked;
      await expect(replica().invoke(provider, call({ requestState, ...extra }))).rejects.toMatchObject({
        code: 'SW_PARAMS_INVALID',
      });
    },
  );
});
