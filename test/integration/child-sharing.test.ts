import { afterEach, describe, expect, it } from 'vitest';
import type { Provider } from '#gateway/catalog/index.js';
import { ChildSlots, createUpstream, type StdioUpstreamConfig, type UpstreamDeps } from '#gateway/upstreams/index.js';
import { createMetrics, silentLogger } from '#kernel/telemetry/index.js';
import { textOf } from '../contract/provider.js';
import { eventually } from '../support/eventually.js';
import { livingIn } from '../support/processes.js';
import { callBy, type Caller } from '../support/provider-calls.js';
import { plainOverStdio } from '../support/upstream-servers.js';

const running: Provider[] = [];
afterEach(() => Promise.all(running.splice(0).map((provider) => provider.stop())));

function made(config: Partial<StdioUpstreamConfig>, deps: Partial<UpstreamDeps> = {}, flags: string[] = []): Provider {
  const whole = { ...plainOverStdio(...flags), ...config };
  const provider = createUpstream('subject', whole, { logger: silentLogger, environment: process.env, ...deps });
  running.push(provider);
  return provider;
}
async function started(...given: Parameters<typeof made>): Promise<Provider> {
  const provider = made(...given);
  await provider.start();
  return provider;
}
const pidFor = async (provider: Provider, caller: Caller): Promise<number> =>
  Number(textOf(await provider.invoke(callBy(caller, 'pid'))));
const detailsOf = (provider: Provider) => provider.health().details ?? {};
const errorOf = (outcome: Promise<unknown>): Promise<unknown> =>
  outcome.then(
    () => undefined,
    (error: unknown) => error,
  );

const callers = {
  annOne: { principal: 'ann', session: 'one' },
  annTwo: { principal: 'ann', session: 'two' },
  annModern: { principal: 'ann' },
  bob: { principal: 'bob', session: 'three' },
  bobModern: { principal: 'bob' },
} as const;

describe('who shares a process', () => {
  it.each([
    ['shared', { annOne: 0, annTwo: 0, annModern: 0, bob: 0, bobModern: 0 }],
    ['per-principal', { annOne: 0, annTwo: 0, annModern: 0, bob: 1, bobModern: 1 }],
    ['per-session', { annOne: 0, annTwo: 1, annModern: 2, bob: 3, bobModern: 4 }],
  ] as const)('is as configured: %s', async (sharing, expected) => {
    const provider = await started({ sharing });
    const pids: Record<string, number> = {};
    for (const [name, caller] of Object.entries(callers)) pids[name] = await pidFor(provider, caller);
    const order = [...new Set(Object.values(pids))];
    expect(Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, order.indexOf(pid)]))).toEqual(expected);
    // All stay with what they have.
    for (const [name, caller] of Object.entries(callers)) expect(await pidFor(provider, caller)).toBe(pids[name]);
  });
});

describe('the number of processes', () => {
  it('has a limit: an idle one makes room, a busy one does not', async () => {
    const metrics = createMetrics();
    const provider = await started({ sharing: 'per-principal', maxProcesses: 2 }, { metrics });
    const busy = callBy(callers.annModern, 'sleep', { ms: 60_000 });
    const outcome = errorOf(provider.invoke(busy));
    await eventually(() => detailsOf(provider)['processes'] === 2, 10_000);
    expect(await errorOf(provider.invoke(callBy(callers.bob, 'pid')))).toMatchObject({
      code: 'SW_OVERLOADED',
      message: expect.stringContaining('mcpServers.subject.maxProcesses') as string,
    });
    expect(await metrics.text()).toContain('seaworthy_upstream_refusals_total{provider="subject",limit="processes"} 1');
    busy.scope.cancel('client');
    await outcome;
    await eventually(async () => (await errorOf(pidFor(provider, callers.bob))) === undefined, 10_000);
    expect(detailsOf(provider)['processes']).toBe(2);
    expect(await metrics.text()).toContain('seaworthy_upstream_stops_total{provider="subject",reason="evicted"} 1');
  });

  it('has a limit for all servers together', async () => {
    const processes = new ChildSlots(2, 'limits.maxProcesses');
    const [first, second] = [await started({}, { processes }), await started({}, { processes })];
    const third = made({}, { processes });
    await third.start();
    expect(third.health()).toMatchObject({
      status: 'unhealthy',
      message: expect.stringContaining('limits.maxProcesses') as string,
    });
    await second.stop();
    await third.refresh();
    expect(third.snapshot()?.tools).toEqual(first.snapshot()?.tools);
  });
});

describe('a process that nobody uses', () => {
  const idle = { sharing: 'per-session', idleMs: 400 } as const;

  it('ends, under the open stream of a client too, and comes back with the next call', async () => {
    const provider = await started(idle);
    const stream = { resources: [], logLevel: 'info', principalId: 'ann', session: { key: 'one' } } as const;
    const subscription = provider.subscribe(stream);
    await subscription.accepted;
    const pid = await pidFor(provider, callers.annOne);
    await eventually(() => livingIn(pid).length === 0, 10_000);
    await eventually(() => detailsOf(provider)['processes'] === 1, 10_000);
    expect(await pidFor(provider, callers.annOne)).not.toBe(pid);
    subscription.close();
  });

  it('stays for a resource subscription, and for a call', async () => {
    const provider = await started(idle);
    const stream = { resources: ['note://one'], principalId: 'ann', session: { key: 'one' } };
    const subscription = provider.subscribe(stream);
    expect(await subscription.accepted).toEqual(['note://one']);
    const subscribed = await pidFor(provider, callers.annOne);
    const busy = callBy(callers.annTwo, 'sleep', { ms: 1_500 });
    const outcome = provider.invoke(busy);
    const unused = await pidFor(provider, callers.bob);
    await eventually(() => livingIn(unused).length === 0, 10_000);
    expect(textOf(await outcome)).toBe('slept');
    expect(livingIn(subscribed)).toHaveLength(1);
    subscription.close();
    await eventually(() => livingIn(subscribed).length === 0, 10_000);
  });
});

describe('a server that starts on demand', () => {
  it('does not run until it is called, with lists from an earlier run, and ends when nobody calls', async () => {
    const kept = (await started({})).snapshot();
    const provider = made({ start: 'demand', idleMs: 400 });
    await provider.start(kept);
    expect(provider.snapshot()).toBe(kept);
    expect(detailsOf(provider)).toMatchObject({ state: 'idle', processes: 0 });
    const pid = await pidFor(provider, callers.annOne);
    expect(detailsOf(provider)).toMatchObject({ state: 'running', processes: 1 });
    await eventually(() => provider.snapshot() !== kept, 10_000);
    await eventually(() => livingIn(pid).length === 0, 10_000);
    await eventually(() => detailsOf(provider)['state'] === 'idle', 10_000);
    expect(detailsOf(provider)['processes']).toBe(0);
  });
});

describe('a process that takes too much memory', () => {
  it('is stopped: its call is told why, the next one finds another process', async () => {
    const metrics = createMetrics();
    const provider = await started({ maxMemoryBytes: 200 * 2 ** 20 }, { metrics });
    const pid = await pidFor(provider, callers.annModern);
    await provider.invoke(callBy(callers.annModern, 'grow', { bytes: 250 * 2 ** 20 }));
    expect(await errorOf(provider.invoke(callBy(callers.annModern, 'sleep', { ms: 60_000 })))).toMatchObject({
      code: 'SW_UPSTREAM_LOST',
      message: expect.stringContaining('more than its 200 MiB') as string,
    });
    await eventually(() => livingIn(pid).length === 0, 10_000);
    expect(await metrics.text()).toContain('seaworthy_upstream_stops_total{provider="subject",reason="memory"} 1');
    await eventually(async () => (await errorOf(pidFor(provider, callers.annModern))) === undefined, 10_000);
    expect(await pidFor(provider, callers.annModern)).not.toBe(pid);
  }, 40_000);
});

describe('a server that ends again and again', () => {
  it('is in a crash loop: calls fail at once with its last words, without secrets, and when to try again', async () => {
    const metrics = createMetrics();
    const provider = await started({ secrets: ['hunter2-hunter2'] }, { metrics }, [
      ...['--say', 'bad licence hunter2-hunter2', '--die-after', '1'],
    ]);
    const attempt = () => errorOf(pidFor(provider, callers.annModern));
    await eventually(
      async () => (await attempt()) !== undefined && detailsOf(provider)['state'] === 'crash-loop',
      50_000,
    );
    expect(await attempt()).toMatchObject({
      code: 'SW_UPSTREAM_UNAVAILABLE',
      details: {
        state: 'crash-loop',
        stderr: ['bad licence [redacted]'],
        retryAfterSeconds: expect.any(Number) as number,
      },
    });
    expect(detailsOf(provider)).toMatchObject({ lastStderr: ['bad licence [redacted]'], processes: 0 });
    expect(await metrics.text()).toContain('seaworthy_upstream_state{provider="subject",state="crash-loop"} 1');
  }, 60_000);
});
