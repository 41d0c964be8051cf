import { describe, expect, it, vi } from 'vitest';
import { CallScope } from '#kernel/context/index.js';
import { fail } from '#kernel/errors/index.js';
import { createSealer, memoryKeyRing } from '#kernel/secrets/index.js';
import type { JsonObject, ModelNotification, ModelResult } from '#protocol/model/index.js';
import type { Provider, ProviderCall } from '../catalog/index.js';
import { Parking, type ParkingLimits, type ParkingOptions } from './parking.js';

const limits: ParkingLimits = { maxCalls: 10, maxCallsPerPrincipal: 5, maxBytes: 10_000, parkedMs: 60_000 };
const keyRing = memoryKeyRing();

const parkingWith = (changed: Partial<ParkingLimits> = {}, more: Partial<ParkingOptions> = {}) =>
  new Parking({
    sealer: createSealer(keyRing, 'parked-call'),
    limits: { ...limits, ...changed },
    now: () => Date.now(),
    ...more,
  });

/** A legacy upstream: `work` is what its tool does with the way to ask. */
function upstream(work: (call: ProviderCall) => Promise<ModelResult>, family = 'legacy'): Provider {
  return { id: 'old', kind: 'http', snapshot: () => ({ family }), invoke: work } as unknown as Provider;
}

interface Sent {
  readonly call: ProviderCall;
  readonly scope: CallScope;
  readonly notified: ModelNotification[];
}

const everything: JsonObject = { elicitation: {}, sampling: {}, roots: {} };

function request(
  extra: JsonObject = {},
  { principal = 'key:1', capabilities = everything }: { principal?: string; capabilities?: JsonObject } = {},
): Sent {
  const scope = new CallScope('r', { id: principal, kind: 'key', name: principal, roles: [] }, 0);
  const notified: ModelNotification[] = [];
  const params = { name: 'greet', arguments: { polite: true }, ...extra };
  const call: ProviderCall = {
    request: { method: 'tools/call', params },
    client: { family: 'modern', revision: '2026-07-28', capabilities },
    scope,
    channel: { notify: (notification) => notified.push(notification) },
    session: undefined,
  };
  return { call, scope, notified };
}

const greet = upstream(async ({ channel }) => {
  const answer = await channel.ask?.('elicitation/create', {
    message: 'Who?',
    elicitationId: 'e1',
    _meta: { progressToken: 7, 'com.example/kept': true },
  });
  return { content: [{ type: 'text', text: `Hello, ${JSON.stringify(answer?.['content'])}` }] };
});

const asked = (result: ModelResult) =>
  result as { resultType: string; inputRequests: Record<string, JsonObject>; requestState: string };

/** Calls and expects to be asked; gives the key of the only question and the state. */
async function firstRound(parking: Parking, provider = greet, sent = request()) {
  const { resultType, inputRequests, requestState } = asked(await parking.invoke(provider, sent.call));
  expect(resultType).toBe('input_required');
  return { key: Object.keys(inputRequests)[0] ?? '', inputRequests, requestState };
}

const accept = { action: 'accept', content: { name: 'Ada' } };

describe('a call whose upstream asks', () => {
  it('is answered with the question, and completes on the retry that brings the answer', async () => {
    const parking = parkingWith();
    const { key, inputRequests, requestState } = await firstRound(parking);
    expect(inputRequests[key]).toEqual({
      method: 'elicitation/create',
      params: { message: 'Who?', _meta: { 'com.example/kept': true } },
    });
    expect(parking.size).toBe(1);
    const retry = request({ requestState, inputResponses: { [key]: accept, unknown: 1 } });
    const result = await parking.invoke(greet, retry.call);
    expect(JSON.stringify(result)).toContain('Ada');
    expect(parking.size).toBe(0);
  });

  it('is answered so before anybody has read the lists of the server', async () => {
    const unread: Provider = { ...greet, snapshot: () => undefined };
    const parking = parkingWith();
    const { key, requestState } = await firstRound(parking, unread);
    const retry = request({ requestState, inputResponses: { [key]: accept } });
    expect(JSON.stringify(await parking.invoke(unread, retry.call))).toContain('Ada');
  });

  it('goes to a server that nobody has listed as it is, where it brings a state of that server', async () => {
    const seen: JsonObject[] = [];
    const modern = upstream(async ({ request: { params } }) => {
      seen.push(params);
      return { resultType: 'complete', content: [] };
    });
    const unread: Provider = { ...modern, snapshot: () => undefined };
    await parkingWith().invoke(unread, request({ requestState: 'its own', inputResponses: {} }).call);
    expect(seen).toMatchObject([{ requestState: 'its own', inputResponses: {} }]);
  });

  it('is asked again with another state when the answer is missing', async () => {
    const parking = parkingWith();
    const first = await firstRound(parking);
    const again = asked(await parking.invoke(greet, request({ requestState: first.requestState }).call));
    expect(Object.keys(again.inputRequests)).toEqual([first.key]);
    expect(again.requestState).not.toBe(first.requestState);
  });

  it('gathers questions that come together', async () => {
    const both = upstream(async ({ channel }) => {
      const answers = await Promise.all([
        channel.ask?.('roots/list', {}),
        channel.ask?.('sampling/createMessage', { maxTokens: 1 }),
      ]);
      return { content: [], structuredContent: { answers } };
    });
    const { inputRequests } = await firstRound(parkingWith(), both);
    expect(Object.values(inputRequests).map(({ method }) => method)).toEqual(['roots/list', 'sampling/createMessage']);
    expect(inputRequests['roots_1']).toEqual({ method: 'roots/list' });
  });

  it('relays progress under the token of the request that waits now', async () => {
    const steps = upstream(async ({ channel }) => {
      await channel.ask?.('roots/list', {});
      channel.notify({ method: 'notifications/progress', params: { progressToken: 'first', progress: 1 } });
      return { content: [] };
    });
    const parking = parkingWith();
    const { key, requestState } = await firstRound(parking, steps);
    const retry = request({
      requestState,
      inputResponses: { [key]: { roots: [] } },
      _meta: { progressToken: 'second' },
    });
    await parking.invoke(steps, retry.call);
    expect(retry.notified.map(({ params }) => params['progressToken'])).toEqual(['second']);
  });

  it('keeps from its client what the modern family has not got', async () => {
    const completing = upstream(async ({ channel }) => {
      for (const method of ['notifications/elicitation/complete', 'notifications/message'])
        channel.notify({ method, params: {} });
      return { content: [] };
    });
    const sent = request();
    await parkingWith().invoke(completing, sent.call);
    expect(sent.notified.map(({ method }) => method)).toEqual(['notifications/message']);
  });

  it('declines what this client did not declare, and asks the rest', async () => {
    const heard: unknown[] = [];
    const both = upstream(async ({ channel }) => {
      heard.push(...(await Promise.all([channel.ask?.('elicitation/create', {}), channel.ask?.('roots/list', {})])));
      return { content: [] };
    });
    const parking = parkingWith();
    const only = request({}, { capabilities: { roots: {} } });
    const { key, inputRequests, requestState } = await firstRound(parking, both, only);
    expect(Object.keys(inputRequests)).toHaveLength(1);
    const retry = request({ requestState, inputResponses: { [key]: { roots: [] } } }, { capabilities: { roots: {} } });
    await parking.invoke(both, retry.call);
    expect(heard).toEqual([{ action: 'decline' }, { roots: [] }]);
  });

  it('ends with the missing capabilities, upstream too, when nothing can be asked', async () => {
    let cancelled = false;
    const provider = upstream(({ scope, channel }) => {
      scope.onCancel(() => (cancelled = true));
      return channel.ask?.('sampling/createMessage', {}) as Promise<ModelResult>;
    });
    await expect(parkingWith().invoke(provider, request({}, { capabilities: {} }).call)).rejects.toMatchObject({
      code: 'SW_CAPABILITY_MISSING',
      details: { requiredCapabilities: { sampling: {} } },
    });
    expect(cancelled).toBe(true);
  });
});

describe('a state', () => {
  const refused = async (parking: Parking, sent: Sent, provider = greet) =>
    expect(parking.invoke(provider, sent.call)).rejects.toMatchObject({ code: 'SW_STATE_INVALID' });

  it('is refused when it was changed, used before, or belongs to somebody or something else', async () => {
    const parking = parkingWith();
    const { key, requestState } = await firstRound(parking);
    const inputResponses = { [key]: accept };
    await refused(parking, request({ requestState: `${requestState}x`, inputResponses }));
    await refused(parking, request({ requestState, inputResponses }, { principal: 'key:2' }));
    await refused(parking, request({ requestState, inputResponses, arguments: { polite: false } }));
    await refused(parkingWith(), request({ requestState, inputResponses }));
    expect(parking.size).toBe(1);
    await parking.invoke(greet, request({ requestState, inputResponses }).call);
    await refused(parking, request({ requestState, inputResponses }));
  });

  it('is refused after its time, and the upstream call has been cancelled', async () => {
    vi.useFakeTimers();
    try {
      const parking = parkingWith({ parkedMs: 1000 });
      let ended: unknown;
      const provider = upstream(({ scope, channel }) => {
        scope.onCancel((reason) => (ended = reason));
        return channel.ask?.('roots/list', {}) as Promise<ModelResult>;
      });
      const waiting = parking.invoke(provider, request().call);
      await vi.advanceTimersByTimeAsync(20);
      const { requestState } = asked(await waiting);
      await vi.advanceTimersByTimeAsync(1001);
      expect(parking.size).toBe(0);
      // It is the client that did not come back: a deadline would count against the server.
      expect(ended).toBe('client');
      await refused(parking, request({ requestState }));
    } finally {
      vi.useRealTimers();
    }
  });

  it('that is none of ours is refused for a legacy upstream and passed to a modern one', async () => {
    const parking = parkingWith();
    await refused(parking, request({ requestState: 'theirs' }));
    const modern = upstream(async ({ request: { params } }) => ({ state: params['requestState'] }), 'modern');
    expect(await parking.invoke(modern, request({ requestState: 'theirs' }).call)).toEqual({ state: 'theirs' });
  });

  it('survives an answer that is no object: the call still waits', async () => {
    const parking = parkingWith();
    const { key, requestState } = await firstRound(parking);
    const wrong = request({ requestState, inputResponses: { [key]: 12 } });
    await expect(parking.invoke(greet, wrong.call)).rejects.toMatchObject({ code: 'SW_PARAMS_INVALID' });
    const right = request({ requestState, inputResponses: { [key]: accept } });
    expect(JSON.stringify(await parking.invoke(greet, right.call))).toContain('Ada');
  });
});

/** A parking place that records what it says of itself. */
function observed(changed: Partial<ParkingLimits> = {}) {
  const refused: string[] = [];
  const counts: [number, number][] = [];
  const parking = parkingWith(changed, {
    onRefused: (reason) => refused.push(reason),
    onChange: (calls, bytes) => counts.push([calls, bytes]),
  });
  return { parking, refused, counts };
}

describe('the caps', () => {
  it('refuse a call more than one principal, or all together, may have waiting', async () => {
    const { parking, refused, counts } = observed({ maxCalls: 2, maxCallsPerPrincipal: 1 });
    await firstRound(parking);
    await expect(parking.invoke(greet, request().call)).rejects.toMatchObject({ code: 'SW_CONCURRENCY_LIMITED' });
    await firstRound(parking, greet, request({}, { principal: 'key:2' }));
    await expect(parking.invoke(greet, request({}, { principal: 'key:3' }).call)).rejects.toMatchObject({
      code: 'SW_OVERLOADED',
    });
    expect(parking.size).toBe(2);
    expect(refused).toEqual(['principal', 'calls']);
    parking.stop();
    expect(parking.size).toBe(0);
    expect(counts.at(-1)).toEqual([0, 0]);
  });

  it('bound the bytes of the questions', async () => {
    const long = upstream(async ({ channel }) => {
      await channel.ask?.('elicitation/create', { message: 'x'.repeat(20_000) });
      return { content: [] };
    });
    const { parking, refused } = observed();
    await expect(parking.invoke(long, request().call)).rejects.toMatchObject({ code: 'SW_OVERLOADED' });
    expect(refused).toEqual(['bytes']);
  });

  it('bound the bytes of questions that come while the call waits, and of a result that nobody fetched', async () => {
    const refusals: unknown[] = [];
    const chatty = upstream(async ({ channel }) => {
      void channel.ask?.('elicitation/create', { message: 'short' });
      await new Promise((resolve) => setTimeout(resolve, 40));
      await channel
        .ask?.('elicitation/create', { message: 'x'.repeat(20_000) })
        .catch((e: unknown) => refusals.push(e));
      return { content: [{ type: 'text', text: 'y'.repeat(20_000) }] };
    });
    const { parking, refused, counts } = observed();
    const { requestState } = await firstRound(parking, chatty);
    await vi.waitFor(() => expect(refused).toEqual(['bytes', 'bytes']));
    expect(refusals).toMatchObject([{ code: 'SW_OVERLOADED' }]);
    await expect(parking.invoke(chatty, request({ requestState }).call)).rejects.toMatchObject({
      code: 'SW_OVERLOADED',
    });
    expect(counts.at(-1)).toEqual([0, 0]);
  });

  it('bound the age of a call over all its rounds', async () => {
    vi.useFakeTimers();
    try {
      const { parking, refused } = observed({ parkedMs: 1000 });
      let waiting = parking.invoke(greet, request().call);
      for (const _round of [1, 2]) {
        await vi.advanceTimersByTimeAsync(20);
        const { requestState } = asked(await waiting);
        await vi.advanceTimersByTimeAsync(485);
        waiting = parking.invoke(greet, request({ requestState }).call);
        void waiting.catch(() => {});
      }
      await vi.advanceTimersByTimeAsync(20);
      await expect(waiting).rejects.toMatchObject({ code: 'SW_PARKED_EXPIRED' });
      expect(refused).toEqual(['age']);
      expect(parking.size).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it('answer 200 calls out of order, each with its own answer', async () => {
    const parking = parkingWith({ maxCalls: 500, maxCallsPerPrincipal: 500, maxBytes: 1_000_000 });
    const rounds = await Promise.all(
      Array.from({ length: 200 }, (_, index) => firstRound(parking, greet, request({ arguments: { index } }))),
    );
    const answers = await Promise.all(
      rounds
        .map(({ key, requestState }, index) => ({ key, requestState, index }))
        .reverse()
        .map(async ({ key, requestState, index }) => {
          const content = { name: `n${String(index)}` };
          const inputResponses = { [key]: { action: 'accept', content } };
          const retry = request({ requestState, inputResponses, arguments: { index } });
          return JSON.stringify(await parking.invoke(greet, retry.call)).includes(`n${String(index)}\\`);
        }),
    );
    expect(answers.every(Boolean)).toBe(true);
    expect(parking.size).toBe(0);
  });
});

describe('a client that goes away', () => {
  it('cancels the call that it waits for', async () => {
    let cancelled = false;
    const slow = upstream(
      ({ scope }) =>
        new Promise((_resolve, reject) => {
          scope.onCancel(() => {
            cancelled = true;
            reject(new Error('cancelled'));
          });
        }),
    );
    const sent = request();
    const waiting = parkingWith().invoke(slow, sent.call);
    sent.scope.cancel('disconnect');
    await expect(waiting).rejects.toMatchObject({ code: 'SW_CANCELLED' });
    expect(cancelled).toBe(true);
  });
});

describe('what happens upstream while a call waits', () => {
  const ending = (outcome: () => Promise<ModelResult>) =>
    upstream(async ({ channel }) => {
      void channel.ask?.('roots/list', {});
      await new Promise((resolve) => setTimeout(resolve, 30));
      return outcome();
    });

  it('is what the retry gets: a result', async () => {
    const done = { content: [{ type: 'text', text: 'without you' }] };
    const provider = ending(() => Promise.resolve(done));
    const { parking, counts } = observed();
    const { requestState } = await firstRound(parking, provider);
    await vi.waitFor(() => expect(counts.at(-1)?.[1]).toBeGreaterThan(JSON.stringify(done).length));
    expect(await parking.invoke(provider, request({ requestState }).call)).toEqual(done);
    expect(parking.size).toBe(0);
  });

  it('is what the retry gets: a failure', async () => {
    const lost = fail('SW_UPSTREAM_LOST', { provider: 'old', reason: 'it ended' });
    let failed = false;
    const provider = ending(() => {
      failed = true;
      return Promise.reject(lost);
    });
    const parking = parkingWith();
    const { requestState } = await firstRound(parking, provider);
    await vi.waitFor(() => expect(failed).toBe(true));
    await expect(parking.invoke(provider, request({ requestState }).call)).rejects.toBe(lost);
    expect(parking.size).toBe(0);
  });
});

describe('a provider that leaves', () => {
  it('takes its own waiting calls with it, and no others', async () => {
    const cancelled: string[] = [];
    const asking = (id: string): Provider => ({
      ...upstream(({ scope, channel }) => {
        scope.onCancel(() => cancelled.push(id));
        return channel.ask?.('roots/list', {}) as Promise<ModelResult>;
      }),
      id,
    });
    const [leaving, staying] = [asking('leaving'), asking('staying')];
    const { parking, refused } = observed();
    const gone = await firstRound(parking, leaving);
    const kept = await firstRound(parking, staying);
    parking.endOf(leaving);
    expect(cancelled).toEqual(['leaving']);
    expect(parking.size).toBe(1);
    await expect(parking.invoke(leaving, request({ requestState: gone.requestState }).call)).rejects.toMatchObject({
      code: 'SW_STATE_INVALID',
    });
    await expect(parking.invoke(leaving, request().call)).rejects.toMatchObject({ code: 'SW_UPSTREAM_UNAVAILABLE' });
    expect(refused).toEqual(['state', 'closed']);
    const inputResponses = { [kept.key]: { roots: [] } };
    expect(await parking.invoke(staying, request({ requestState: kept.requestState, inputResponses }).call)).toEqual({
      roots: [],
    });
  });
});
