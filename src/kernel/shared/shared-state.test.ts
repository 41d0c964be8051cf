import { describe, expect, it } from 'vitest';
import { fakeClock } from '#kernel/time/index.js';
import { sharedStateContract } from '../../../test/contract/shared-state.js';
import { memorySharedState } from './index.js';

sharedStateContract('memory', async () => {
  const clock = fakeClock();
  const state = memorySharedState({ clock });
  const elapse = async (ms: number): Promise<void> => {
    clock.advance(ms);
  };
  return { state, replica: state, now: () => clock.now(), elapse, stop: () => state.close() };
});

describe('memory bounds', () => {
  const rule = { limit: 2, windowMs: 1_000 };

  it('never holds more buckets than allowed, and gives up the oldest first', () => {
    const { rates } = memorySharedState({ clock: fakeClock(), maxKeys: 100 });
    for (let i = 0; i < 101; i += 1) rates.take(`key-${i}`, rule, 2);
    expect(rates.size).toBe(100);
    expect(rates.take('key-100', rule).allowed).toBe(false);
    expect(rates.take('key-1', rule).allowed).toBe(false);
    expect(rates.take('key-0', rule).allowed).toBe(true);
  });

  it('sweeps idle buckets while others are used', () => {
    const clock = fakeClock();
    const { rates } = memorySharedState({ clock });
    for (let i = 0; i < 1_000; i += 1) rates.take(`key-${i}`, rule);
    clock.advance(2_000);
    for (let i = 0; i < 1_100; i += 1) rates.take('busy', rule);
    expect(rates.size).toBe(1);
  });

  it('gives up expired revocations before valid ones', () => {
    const clock = fakeClock();
    const { revocations } = memorySharedState({ clock, maxKeys: 2 });
    revocations.add('short', clock.now() + 10);
    revocations.add('long', clock.now() + 1_000);
    clock.advance(20);
    revocations.add('new', clock.now() + 1_000);
    expect(['short', 'long', 'new'].map((key) => revocations.has(key))).toEqual([false, true, true]);
    revocations.add('newer', clock.now() + 1_000);
    expect(['long', 'new', 'newer'].map((key) => revocations.has(key))).toEqual([false, true, true]);
  });
});
