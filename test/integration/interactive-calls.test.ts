import { afterEach, describe, expect, it } from 'vitest';
import type { Provider } from '#gateway/catalog/index.js';
import { createUpstream, type StdioUpstreamConfig } from '#gateway/upstreams/index.js';
import { createMetrics, silentLogger, type Metrics } from '#kernel/telemetry/index.js';
import type { JsonObject } from '#protocol/model/index.js';
import { textOf } from '../contract/provider.js';
import { eventually } from '../support/eventually.js';
import { livingIn } from '../support/processes.js';
import { callBy } from '../support/provider-calls.js';
import { plainOverStdio } from '../support/upstream-servers.js';

const running: Provider[] = [];
afterEach(() => Promise.all(running.splice(0).map((provider) => provider.stop())));

async function started(config: Partial<StdioUpstreamConfig> = {}): Promise<{ provider: Provider; metrics: Metrics }> {
  const metrics = createMetrics();
  const deps = { logger: silentLogger, environment: process.env, metrics };
  const provider = createUpstream('subject', { ...plainOverStdio(), ...config }, deps);
  running.push(provider);
  await provider.start();
  return { provider, metrics };
}

/** A person who is asked and answers when told to. */
function person(name: string) {
  const asked: unknown[] = [];
  let answer: () => void = () => {};
  const answering = new Promise<void>((resolve) => (answer = resolve));
  const ask = async (_method: string, params: JsonObject): Promise<JsonObject> => {
    asked.push(params['message']);
    await answering;
    return { action: 'accept', content: { name } };
  };
  return { asked, answer: () => answer(), caller: { principal: name, ask } };
}

const greet = (who: ReturnType<typeof person>, question: string, ms = 0) =>
  callBy(who.caller, 'greet', { question, ms });
const errorOf = (outcome: Promise<unknown>): Promise<unknown> =>
  outcome.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('calls to a server that asks its clients', () => {
  it('are alone on a process once it has asked: every question reaches its own client', async () => {
    const { provider } = await started();
    const [ann, bob, cat] = [person('ann'), person('bob'), person('cat')];
    const first = provider.invoke(greet(ann, 'for ann'));
    await eventually(() => ann.asked.length === 1, 10_000);
    expect(provider.health().details).toMatchObject({ interactive: true });
    const others = [provider.invoke(greet(bob, 'for bob')), provider.invoke(greet(cat, 'for cat'))];
    await eventually(() => bob.asked.length + cat.asked.length === 2, 10_000);
    expect([ann.asked, bob.asked, cat.asked]).toEqual([['for ann'], ['for bob'], ['for cat']]);
    expect(provider.health().details).toMatchObject({ leased: 2 });
    for (const who of [cat, ann, bob]) who.answer();
    const texts = (await Promise.all([first, ...others])).map(textOf);
    expect(texts.map((text) => (JSON.parse(text) as { content: { name: string } }).content.name)).toEqual([
      'ann',
      'bob',
      'cat',
    ]);
  });

  it('share a process until then: a question that could be of two waits for the other to end', async () => {
    const { provider, metrics } = await started();
    const ann = person('ann');
    const slow = provider.invoke(callBy({ principal: 'bob' }, 'sleep', { ms: 1_000 }));
    const asking = provider.invoke(greet(ann, 'for ann'));
    await eventually(async () => (await metrics.text()).includes('outcome="held"'), 10_000);
    expect(ann.asked).toEqual([]);
    await slow;
    await eventually(() => ann.asked.length === 1, 10_000);
    ann.answer();
    expect(textOf(await asking)).toContain('"ann"');
    expect(await metrics.text()).toContain(
      'seaworthy_upstream_held_questions_total{provider="subject",outcome="resolved"} 1',
    );
  });

  it('use the process that all share while nobody else does', async () => {
    const { provider } = await started({ interactive: 'always' });
    const pids = new Set<string>();
    for (const who of ['ann', 'bob', 'ann']) pids.add(textOf(await provider.invoke(callBy(person(who).caller, 'pid'))));
    expect(pids.size).toBe(1);
    expect(provider.health().details).toMatchObject({ processes: 1, leased: 0 });
  });

  it('wait in line when the pool is used up, and each gets its own question', async () => {
    const { provider } = await started({ interactive: 'always', interactivePool: 2 });
    const people = ['a', 'b', 'c', 'd', 'e'].map(person);
    const results = people.map((who, i) => provider.invoke(greet(who, `for ${String(i)}`)));
    await eventually(() => people.filter(({ asked }) => asked.length > 0).length === 3, 10_000);
    expect(provider.health().details).toMatchObject({ leased: 2, waiting: 2 });
    for (const who of people) who.answer();
    await Promise.all(results);
    expect(people.map(({ asked }) => asked)).toEqual(people.map((_who, i) => [`for ${String(i)}`]));
    expect(Number(provider.health().details?.['processes'])).toBeLessThanOrEqual(3);
  });

  it('leave the line when they are cancelled, and give up a process that may still work for them', async () => {
    const { provider } = await started({ interactive: 'always', interactivePool: 1 });
    const [ann, bob] = [person('ann'), person('bob')];
    const sharing = provider.invoke(greet(bob, 'for bob'));
    await eventually(() => bob.asked.length === 1, 10_000);
    const pid = Number(textOf(await provider.invoke(callBy(ann.caller, 'pid'))));
    const holding = greet(ann, 'for ann');
    const held = errorOf(provider.invoke(holding));
    await eventually(() => ann.asked.length === 1, 10_000);
    const waiting = callBy(ann.caller, 'pid');
    const waited = errorOf(provider.invoke(waiting));
    await eventually(() => provider.health().details?.['waiting'] === 1, 10_000);
    waiting.scope.cancel('deadline');
    expect(await waited).toMatchObject({ code: 'SW_DEADLINE_EXCEEDED' });
    holding.scope.cancel('client');
    expect(await held).toMatchObject({ code: 'SW_CANCELLED' });
    expect(Number(textOf(await provider.invoke(callBy(ann.caller, 'pid'))))).not.toBe(pid);
    await eventually(() => livingIn(pid).length === 0, 10_000);
    bob.answer();
    await sharing;
  });

  it('share one always where that is configured', async () => {
    const { provider } = await started({ interactive: 'never' });
    const ann = person('ann');
    const asking = provider.invoke(greet(ann, 'for ann'));
    await eventually(() => ann.asked.length === 1, 10_000);
    expect(provider.health().details).toMatchObject({ interactive: false, leased: 0 });
    ann.answer();
    await asking;
  });
});
