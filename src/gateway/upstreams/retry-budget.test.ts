import { describe, expect, it } from 'vitest';
import { fakeClock } from '#kernel/time/index.js';
import { RetryBudget } from './retry-budget.js';

function setUp() {
  const clock = fakeClock();
  const budget = new RetryBudget(clock);
  const taken = () => {
    let count = 0;
    while (budget.take()) count++;
    return count;
  };
  return { budget, clock, taken };
}

describe('a retry budget', () => {
  it('is three a second for a server without calls', () => {
    expect(setUp().taken()).toBe(30);
  });

  it('grows by a tenth of the calls', () => {
    const { budget, taken } = setUp();
    for (let i = 0; i < 1_000; i++) budget.called();
    expect(taken()).toBe(130);
    expect(taken()).toBe(0);
  });

  it('comes back as the seconds pass', () => {
    const { budget, clock, taken } = setUp();
    for (let i = 0; i < 100; i++) budget.called();
    expect(taken()).toBe(40);
    clock.advance(5_000);
    for (let i = 0; i < 100; i++) budget.called();
    expect(taken()).toBe(10);
    clock.advance(5_000);
    expect(taken()).toBe(30);
    clock.advance(60_000);
    expect(taken()).toBe(30);
  });
});
