import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SharedState } from '#kernel/shared/index.js';

/** One implementation under test, fresh and empty. */
export interface SharedStateUnderTest {
  readonly state: SharedState;
  /** A second replica over the same state, or the same object where there can be none. */
  readonly replica: SharedState;
  /** Milliseconds since the epoch, as the implementation sees them. */
  readonly now: () => number;
  /** Lets that much time pass: moves a fake clock, or waits. */
  readonly elapse: (ms: number) => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** What every shared state must do. Durations are short, so that an implementation with real time can run it too. */
export function sharedStateContract(name: string, start: () => Promise<SharedStateUnderTest>): void {
  describe(`shared state: ${name}`, () => {
    let under: SharedStateUnderTest;
    beforeEach(async () => {
      under = await start();
    });
    afterEach(() => under.stop());

    ratesContract(() => under);
    revocationsContract(() => under);
    locksContract(() => under);
    busContract(() => under);

    it('can be closed twice', async () => {
      await under.state.close();
      await under.state.close();
    });
  });
}

type Get = () => SharedStateUnderTest;

function ratesContract(get: Get): void {
  const rule = { limit: 4, windowMs: 400 };

  it('allows a burst, then refuses and says when to come back', async () => {
    const { rates } = get().state;
    const verdicts = [];
    for (let i = 0; i < 5; i += 1) verdicts.push(await rates.take('a', rule));
    expect(verdicts.map((verdict) => verdict.allowed)).toEqual([true, true, true, true, false]);
    expect(verdicts[0]).toEqual({ allowed: true, remaining: 3, retryAfterMs: 0, limit: 4 });
    expect(verdicts[4]?.retryAfterMs).toBeGreaterThan(0);
    expect(verdicts[4]?.retryAfterMs).toBeLessThanOrEqual(100);
  });

  it('lets through what has flowed back', async () => {
    const { state, elapse } = get();
    await state.rates.take('a', rule, 4);
    const refused = await state.rates.take('a', rule);
    await elapse(refused.retryAfterMs);
    expect((await state.rates.take('a', rule)).allowed).toBe(true);
  });

  it('keeps keys apart and replicas together', async () => {
    const { state, replica } = get();
    await state.rates.take('a', rule, 4);
    expect((await replica.rates.take('a', rule)).allowed).toBe(false);
    expect((await replica.rates.take('b', rule)).allowed).toBe(true);
  });

  it('honours a burst of its own, costs, and a limit of nothing', async () => {
    const { rates } = get().state;
    const bursty = { limit: 1, windowMs: 60_000, burst: 3 };
    expect(await rates.take('a', bursty, 2)).toMatchObject({ allowed: true, remaining: 1 });
    expect(await rates.take('a', bursty, 2)).toMatchObject({ allowed: false, remaining: 1 });
    expect(await rates.take('a', bursty, 1)).toMatchObject({ allowed: true, remaining: 0 });
    expect(await rates.take('b', bursty, 99)).toMatchObject({ allowed: true, remaining: 0 });
    expect(await rates.take('c', { limit: 0, windowMs: 1_000 })).toMatchObject({ allowed: false, retryAfterMs: 1_000 });
  });

  it('takes nothing when it refuses', async () => {
    const { rates } = get().state;
    const slow = { limit: 2, windowMs: 60_000 };
    await rates.take('a', slow);
    await rates.take('a', slow, 2);
    expect(await rates.take('a', slow)).toMatchObject({ allowed: true, remaining: 0 });
  });
}

function revocationsContract(get: Get): void {
  it('remembers a revocation until it expires', async () => {
    const { state, now, elapse } = get();
    await state.revocations.add('session-1', now() + 200);
    expect(state.revocations.has('session-1')).toBe(true);
    expect(state.revocations.has('session-2')).toBe(false);
    await elapse(201);
    expect(state.revocations.has('session-1')).toBe(false);
  });

  it('only ever prolongs a revocation', async () => {
    const { state, now, elapse } = get();
    await state.revocations.add('session-1', now() + 400);
    await state.revocations.add('session-1', now() + 1);
    await elapse(200);
    expect(state.revocations.has('session-1')).toBe(true);
  });

  it('carries a revocation to the other replica', async () => {
    const { state, replica, now } = get();
    await state.revocations.add('session-1', now() + 5_000);
    await expect.poll(() => replica.revocations.has('session-1')).toBe(true);
  });
}

function locksContract(get: Get): void {
  it('gives a lock to one at a time', async () => {
    const { state, replica } = get();
    const held = await state.locks.acquire('refresh', 5_000);
    expect(held).toBeDefined();
    expect(await replica.locks.acquire('refresh', 5_000)).toBeUndefined();
    expect(await replica.locks.acquire('other', 5_000)).toBeDefined();
    await held?.release();
    expect(await replica.locks.acquire('refresh', 5_000)).toBeDefined();
  });

  it('lets a lock go when its holder is gone, and tells a late holder', async () => {
    const { state, replica, elapse } = get();
    const lost = await state.locks.acquire('refresh', 100);
    await elapse(101);
    const taken = await replica.locks.acquire('refresh', 5_000);
    expect(taken).toBeDefined();
    expect(await lost?.extend(5_000)).toBe(false);
    await lost?.release();
    expect(await state.locks.acquire('refresh', 5_000)).toBeUndefined();
  });

  it('prolongs a lock that is still held', async () => {
    const { state, replica, elapse } = get();
    const held = await state.locks.acquire('refresh', 200);
    expect(await held?.extend(5_000)).toBe(true);
    await elapse(201);
    expect(await replica.locks.acquire('refresh', 100)).toBeUndefined();
  });
}

function busContract(get: Get): void {
  it('delivers to every subscriber of the channel in order, the publisher included', async () => {
    const { state, replica } = get();
    const seen: string[] = [];
    state.bus.subscribe('keys', (message) => seen.push(`here ${message}`));
    replica.bus.subscribe('keys', (message) => seen.push(`there ${message}`));
    replica.bus.subscribe('other', (message) => seen.push(`wrong ${message}`));
    await state.bus.publish('keys', '1');
    await state.bus.publish('keys', '2');
    await expect.poll(() => seen.length).toBe(4);
    expect(seen.filter((line) => line.startsWith('here'))).toEqual(['here 1', 'here 2']);
    expect(seen.filter((line) => line.startsWith('there'))).toEqual(['there 1', 'there 2']);
  });

  it('stops when unsubscribed and survives a listener that throws', async () => {
    const { state } = get();
    const seen: string[] = [];
    const stop = state.bus.subscribe('keys', () => seen.push('stopped'));
    state.bus.subscribe('keys', () => {
      throw new TypeError('a listener that fails');
    });
    state.bus.subscribe('keys', (message) => seen.push(message));
    stop();
    await state.bus.publish('keys', 'last');
    await expect.poll(() => seen).toEqual(['last']);
  });
}
