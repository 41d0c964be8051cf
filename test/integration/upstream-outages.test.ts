import { afterEach, describe, expect, it } from 'vitest';
import type { Provider } from '#gateway/catalog/index.js';
import { createUpstream } from '#gateway/upstreams/index.js';
import { silentLogger } from '#kernel/telemetry/index.js';
import { textOf, toolCall } from '../contract/provider.js';
import { eventually } from '../support/eventually.js';
import { workbenchOverStdio } from '../support/upstream-servers.js';

const running: Provider[] = [];
afterEach(() => Promise.all(running.splice(0).map((provider) => provider.stop())));

const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'done',
    (error: unknown) => (error as { code?: unknown }).code,
  );

describe('a child process that lets calls run out of time', () => {
  it('is spared like any upstream, and comes back', async () => {
    const provider = createUpstream(
      'slow',
      { ...workbenchOverStdio('both'), breaker: { failures: 3, openMs: 1_500 } },
      { logger: silentLogger, environment: process.env },
    );
    running.push(provider);
    await provider.start();
    const late = Array.from({ length: 3 }, () => {
      const call = toolCall('modern', 'wait', { ms: 60_000 });
      const outcome = codeOf(provider.invoke(call));
      return { call, outcome };
    });
    for (const { call } of late) call.scope.cancel('deadline');
    expect(await Promise.all(late.map(({ outcome }) => outcome))).toEqual(Array(3).fill('SW_DEADLINE_EXCEEDED'));
    expect(provider.health().details).toMatchObject({ circuit: 'open' });
    expect(await codeOf(provider.invoke(toolCall('modern', 'echo', { text: '' })))).toBe('SW_UPSTREAM_UNAVAILABLE');
    await eventually(
      async () =>
        (await provider.invoke(toolCall('modern', 'echo', { text: 'back' })).then(textOf, () => '')) === 'back',
      10_000,
    );
    expect(provider.health().details).toMatchObject({ circuit: 'closed' });
  });

  it('is not spared for calls that their clients gave up', async () => {
    const provider = createUpstream(
      'slow',
      { ...workbenchOverStdio('both'), breaker: { failures: 1, openMs: 60_000, maxOpenMs: 60_000 } },
      { logger: silentLogger, environment: process.env },
    );
    running.push(provider);
    await provider.start();
    const call = toolCall('modern', 'wait', { ms: 60_000 });
    const outcome = codeOf(provider.invoke(call));
    call.scope.cancel('client');
    expect(await outcome).toBe('SW_CANCELLED');
    expect(textOf(await provider.invoke(toolCall('modern', 'echo', { text: 'here' })))).toBe('here');
  });
});
