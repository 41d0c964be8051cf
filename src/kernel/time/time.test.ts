import { describe, expect, it } from 'vitest';
import { fail } from '#kernel/errors/index.js';
import { backoff, fakeClock, systemClock, withDeadline } from './index.js';

describe('the fake clock', () => {
  it('fires timers in the order they fall due, those set meanwhile included', () => {
    const clock = fakeClock(1_000);
    const fired: string[] = [];
    clock.after(20, () => fired.push(`b at ${clock.now()}`));
    clock.after(10, () => {
      fired.push(`a at ${clock.now()}`);
      clock.after(5, () => fired.push(`c at ${clock.now()}`));
    });
    clock.after(15, () => fired.push('never')).cancel();
    clock.advance(19);
    expect(fired).toEqual(['a at 1010', 'c at 1015']);
    clock.advance(1);
    expect(fired.at(-1)).toBe('b at 1020');
    expect(clock.monotonic()).toBe(20);
    expect(clock.pending).toBe(0);
  });

  it('lets code between two waits run when advanced asynchronously', async () => {
    const clock = fakeClock();
    const wait = (ms: number): Promise<void> => new Promise((resolve) => clock.after(ms, resolve));
    let steps = 0;
    const work = (async () => {
      for (; steps < 3; steps += 1) await wait(10);
    })();
    await clock.advanceAsync(30);
    await work;
    expect(steps).toBe(3);
  });
});

describe('the system clock', () => {
  it('fires, and does not fire when cancelled or when the wait is longer than a timer can hold', async () => {
    const fired: string[] = [];
    systemClock.after(0, () => fired.push('cancelled')).cancel();
    const long = systemClock.after(2 ** 33, () => fired.push('long'), { unref: true });
    await new Promise<void>((resolve) => systemClock.after(-5, resolve));
    await new Promise<void>((resolve) => systemClock.after(5, resolve));
    long.cancel();
    expect(fired).toEqual([]);
  });
});

describe('a deadline', () => {
  it('passes on an outcome that comes in time and leaves no timer', async () => {
    const clock = fakeClock();
    const late = (): Error => fail('SW_DEADLINE_EXCEEDED', { timeoutMs: 10 });
    await expect(withDeadline(Promise.resolve(1), 10, late, clock)).resolves.toBe(1);
    await expect(withDeadline(Promise.reject(fail('SW_INTERNAL')), 10, late, clock)).rejects.toThrow('Internal');
    expect(clock.pending).toBe(0);
  });

  it('rejects with what onTimeout returns or throws, and drops the late outcome', async () => {
    const clock = fakeClock();
    let refuse: (error: Error) => void = () => {};
    const work = new Promise<never>((_resolve, reject) => (refuse = reject));
    const returned = withDeadline(work, 10, () => fail('SW_DEADLINE_EXCEEDED', { timeoutMs: 10 }), clock);
    const thrown = withDeadline(
      work,
      10,
      () => {
        throw fail('SW_CANCELLED');
      },
      clock,
    );
    clock.advance(10);
    refuse(fail('SW_INTERNAL'));
    await expect(returned).rejects.toMatchObject({ code: 'SW_DEADLINE_EXCEEDED' });
    await expect(thrown).rejects.toMatchObject({ code: 'SW_CANCELLED' });
  });
});

describe('backoff', () => {
  const options = { minMs: 100, maxMs: 1_000, factor: 3, jitter: 0, resetAfterMs: 5_000 };

  it('grows by its factor up to the longest delay', () => {
    const delays = backoff(options, fakeClock());
    expect([1, 2, 3, 4, 5].map(() => delays.next())).toEqual([100, 300, 900, 1_000, 1_000]);
  });

  it('starts over only after a success that lasted', () => {
    const clock = fakeClock();
    const delays = backoff(options, clock);
    delays.next();
    delays.succeeded();
    clock.advance(4_999);
    expect(delays.next()).toBe(300);
    delays.succeeded();
    clock.advance(5_000);
    expect(delays.next()).toBe(100);
  });

  it('takes its jitter off the delay, never on top', () => {
    const delays = backoff({ ...options, jitter: 0.5 }, fakeClock(), () => 0.8);
    expect(delays.next()).toBe(60);
  });
});
