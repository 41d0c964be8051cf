import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { sharedStateContract } from '../../../test/contract/shared-state.js';
import { eventually } from '../../../test/support/eventually.js';
import { startRedis } from '../../../test/support/redis.js';
import { openSharedState } from './index.js';

const redis = await startRedis();
afterAll(() => redis?.stop());
let run = 0;

describe.skipIf(!redis)('with a Redis', () => {
  const url = redis?.url ?? '';
  const open = (prefix: string) => openSharedState({ url, prefix, timeoutMs: 1000 });

  sharedStateContract('redis', async () => {
    const prefix = `test${(run += 1)}:`;
    const [state, replica] = await Promise.all([open(prefix), open(prefix)]);
    const stop = async () => {
      await Promise.all([state.close(), replica.close()]);
    };
    return { state, replica, now: () => Date.now(), elapse: (ms) => wait(ms), stop };
  });

  const day = 86_400_000;

  it('never grants more than the burst where replicas race', async () => {
    const [state, replica] = await Promise.all([open('race:'), open('race:')]);
    const rule = { limit: 50, windowMs: day };
    const verdicts = await Promise.all(
      Array.from({ length: 200 }, async (_, i) => (i % 2 === 0 ? state : replica).rates.take('a', rule)),
    );
    expect(verdicts.filter(({ allowed }) => allowed).length).toBe(50);
    expect(verdicts.some(({ local }) => local)).toBe(false);
    await Promise.all([state.close(), replica.close()]);
  });

  it('decides alone while Redis is away, gives no lock, and is back without a restart', async () => {
    const states: boolean[] = [];
    const state = await openSharedState({ url, prefix: 'away:', timeoutMs: 1000, onState: (up) => states.push(up) });
    const rule = { limit: 10, windowMs: day };
    expect(await state.rates.take('a', rule)).toMatchObject({ allowed: true, remaining: 9 });
    await redis?.kill();
    await eventually(() => state.health().status === 'degraded');
    const alone = [];
    for (let i = 0; i < 10; i += 1) alone.push(await state.rates.take('a', rule));
    expect(alone.map(({ allowed }) => allowed)).toEqual([...Array(5).fill(true), ...Array(5).fill(false)]);
    expect(alone.every(({ local }) => local)).toBe(true);
    await expect(state.locks.acquire('x', 1000)).rejects.toMatchObject({ code: 'SW_SHARED_UNAVAILABLE' });
    await state.revocations.add('session', Date.now() + day);
    expect(state.revocations.has('session')).toBe(true);
    await redis?.restart();
    await eventually(() => state.health().status === 'healthy', 10_000);
    expect((await state.rates.take('a', rule)).local).toBeUndefined();
    // What was revoked meanwhile reaches a replica that starts now.
    const replica = await open('away:');
    await eventually(() => replica.revocations.has('session'));
    expect(states).toEqual([true, false, true]);
    await Promise.all([state.close(), replica.close()]);
  }, 30_000);

  it('does not wait for a Redis that hangs', async () => {
    const state = await openSharedState({ url, prefix: 'hung:', timeoutMs: 50 });
    redis?.pause();
    try {
      await eventually(async () => {
        const verdict = await state.rates.take('a', { limit: 1000, windowMs: day });
        return verdict.local === true && state.health().status === 'degraded';
      });
    } finally {
      redis?.goOn();
    }
    await eventually(() => state.health().status === 'healthy', 10_000);
    await state.close();
  }, 30_000);
});
