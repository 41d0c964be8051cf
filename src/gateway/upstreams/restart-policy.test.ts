import { describe, expect, it } from 'vitest';
import { fakeClock } from '#kernel/time/index.js';
import { RestartPolicy } from './restart-policy.js';

const setUp = () => {
  const clock = fakeClock();
  const policy = new RestartPolicy('up', clock);
  const fail = (times: number) => {
    for (let i = 0; i < times; i++) {
      clock.advance(60_000);
      policy.ended('it ended with code 1', 0, ['no licence']);
    }
  };
  return { clock, policy, fail };
};
const errorOf = (outcome: Promise<unknown>): Promise<unknown> => outcome.catch((error: unknown) => error);

describe('the restarts of a child', () => {
  it('are a crash loop from the fifth failure in a row on, and not before', () => {
    const { policy, fail } = setUp();
    fail(4);
    expect(policy.state).not.toBe('crash-loop');
    fail(1);
    expect(policy.state).toBe('crash-loop');
    expect(policy.opened()).toBe(true);
    expect(policy.state).toBe('ready');
  });

  it('fail at once during the delay, with the last words and the time of the next try', async () => {
    const { clock, policy, fail } = setUp();
    fail(5);
    // Drawn at random from a range that begins at nothing.
    while (policy.waitMs < 1_000) fail(1);
    const { waitMs } = policy;
    let started = false;
    const attempt = () => policy.attempt(async () => (started = true));
    expect(await errorOf(attempt())).toMatchObject({
      code: 'SW_UPSTREAM_UNAVAILABLE',
      details: { state: 'crash-loop', stderr: ['no licence'], retryAfterSeconds: Math.ceil(waitMs / 1_000) },
    });
    expect(started).toBe(false);
    clock.advance(waitMs);
    expect(await attempt()).toBe(true);
  });

  it('are tried by one alone in a crash loop', async () => {
    const { clock, policy, fail } = setUp();
    fail(5);
    clock.advance(60_000);
    let finish: () => void = () => {};
    const first = policy.attempt(() => new Promise<void>((resolve) => (finish = resolve)));
    expect(await errorOf(policy.attempt(async () => {}))).toMatchObject({ code: 'SW_UPSTREAM_UNAVAILABLE' });
    finish();
    await first;
    await policy.attempt(async () => {});
  });

  it('are immediate after a long life, which makes good for all failures before', () => {
    const { clock, policy, fail } = setUp();
    fail(5);
    policy.opened();
    clock.advance(10_000);
    policy.ended('it ended with code 1', 10_000, []);
    expect([policy.state, policy.waitMs]).toEqual(['ready', 0]);
    fail(4);
    expect(policy.state).not.toBe('crash-loop');
  });
});
