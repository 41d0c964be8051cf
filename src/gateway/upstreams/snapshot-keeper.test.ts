import { describe, expect, it } from 'vitest';
import { fail } from '#kernel/errors/index.js';
import { createMetrics, silentLogger } from '#kernel/telemetry/index.js';
import { fakeClock } from '#kernel/time/index.js';
import type { ProviderSnapshot } from '../catalog/index.js';
import { upstreamContext } from './config.js';
import { SnapshotKeeper } from './snapshot-keeper.js';

/** A keeper on a clock that the test moves, in front of a server that it describes. */
function keeping(ttlMs = 0) {
  const clock = fakeClock();
  const metrics = createMetrics();
  const lists = { refreshMs: 30_000, changeIntervalMs: 500 };
  const context = upstreamContext('up', { url: 'http://127.0.0.1' }, { logger: silentLogger, metrics, clock, lists });
  const server = { isDown: false, hash: 'one', readings: 0, answer: Promise.resolve() };
  const told: (readonly string[])[] = [];
  const failures: string[] = [];
  const keeper = new SnapshotKeeper({
    context,
    read: async () => {
      server.readings++;
      await server.answer;
      if (server.isDown) throw fail('SW_UPSTREAM_UNAVAILABLE', { provider: 'up', reason: 'down' });
      return snapshotOf(server.hash, ttlMs);
    },
    onRead: (_snapshot, changed) => told.push(changed),
    onFailure: (reason) => failures.push(reason),
  });
  return { keeper, clock, server, told, failures, metrics };
}

const snapshotOf = (hash: string, ttlMs: number): ProviderSnapshot => ({
  provider: 'up',
  family: 'modern',
  at: 0,
  hash,
  serverInfo: undefined,
  capabilities: {},
  instructions: undefined,
  tools: [{ name: hash, inputSchema: { type: 'object' } }],
  prompts: [],
  resources: [],
  resourceTemplates: [],
  ttlMs,
  cacheScope: 'private',
});

describe('lists are read again', () => {
  it('when they are about to be out of date, but not more often than the pace allows', async () => {
    const [slow, fast] = [keeping(100_000), keeping(10)];
    for (const { keeper, clock } of [slow, fast]) {
      await keeper.refresh();
      await clock.advanceAsync(23_999);
    }
    expect([slow.server.readings, fast.server.readings]).toEqual([1, 1]);
    for (const { clock } of [slow, fast]) await clock.advanceAsync(6_001);
    expect([slow.server.readings, fast.server.readings]).toEqual([1, 2]);
    await slow.clock.advanceAsync(70_000);
    expect(slow.server.readings).toBe(2);
  });

  it('after a failure, later and later, while the last good ones stay', async () => {
    const { keeper, clock, server, told, failures, metrics } = keeping();
    await keeper.refresh();
    server.isDown = true;
    await clock.advanceAsync(30_000);
    expect(keeper.current?.hash).toBe('one');
    expect(keeper.failure).toContain('down');
    await clock.advanceAsync(10 * 60_000);
    expect(failures.length).toBeGreaterThan(8);
    expect(failures.length).toBeLessThan(40);
    told.length = 0;
    Object.assign(server, { isDown: false, hash: 'two' });
    await clock.advanceAsync(60_000);
    expect([keeper.current?.hash, keeper.failure]).toEqual(['two', undefined]);
    expect(told[0]).toEqual(['tools']);
    expect(await metrics.text()).toMatch(
      /list_readings_total\{provider="up",outcome="SW_UPSTREAM_UNAVAILABLE"\} \d\d?/,
    );
  });

  it('where the first attempt failed, too', async () => {
    const { keeper, clock, server } = keeping();
    server.isDown = true;
    await keeper.refreshQuietly();
    expect(keeper.current).toBeUndefined();
    server.isDown = false;
    await clock.advanceAsync(1_000);
    expect(keeper.current?.hash).toBe('one');
  });

  it('at once for the first announcement, and at the pace for a storm of them', async () => {
    const { keeper, clock, server, told } = keeping();
    await keeper.refresh();
    await clock.advanceAsync(500);
    for (let storm = 0; storm < 1000; storm++) {
      keeper.announce(storm % 2 ? 'tools' : 'prompts');
      await clock.advanceAsync(5);
    }
    // Five seconds of it: the first reading, and one each half a second.
    expect(server.readings).toBeGreaterThan(8);
    expect(server.readings).toBeLessThan(14);
    expect(told.length).toBe(server.readings);
    await clock.advanceAsync(500);
    const before = server.readings;
    await clock.advanceAsync(20_000);
    expect(server.readings).toBe(before);
  });

  it('once more for what was announced during a reading', async () => {
    const { keeper, clock, server, told } = keeping();
    let answer = () => {};
    server.answer = new Promise((resolve) => (answer = resolve));
    const reading = keeper.refresh();
    keeper.announce('tools');
    keeper.announce('tools');
    answer();
    await reading;
    await clock.advanceAsync(500);
    expect(server.readings).toBe(2);
    expect(told.at(-1)).toEqual(['tools']);
  });

  it('soon after a call could not reach the server, once for many of them', async () => {
    const { keeper, clock, server } = keeping();
    await keeper.refresh();
    for (let call = 0; call < 100; call++) keeper.doubt();
    await clock.advanceAsync(1_000);
    expect(server.readings).toBe(2);
    await clock.advanceAsync(10_000);
    expect(server.readings).toBe(2);
  });

  it('never after the end', async () => {
    const { keeper, clock, server } = keeping();
    await keeper.refresh();
    keeper.stop();
    keeper.announce('tools');
    await clock.advanceAsync(120_000);
    expect([server.readings, clock.pending]).toEqual([1, 0]);
  });
});
