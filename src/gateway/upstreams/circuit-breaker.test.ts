import { describe, expect, it } from 'vitest';
import { fakeClock } from '#kernel/time/index.js';
import { CircuitBreaker, type CircuitState } from './circuit-breaker.js';

function setUp(failures = 3) {
  const clock = fakeClock();
  const states: CircuitState[] = [];
  const settings = { failures, openMs: 1_000, maxOpenMs: 3_000 };
  const breaker = new CircuitBreaker(settings, clock, (state) => states.push(state));
  const outages = (count: number) => {
    for (let i = 0; i < count; i++) breaker.outage();
  };
  return { breaker, clock, outages, states };
}

describe('a circuit breaker', () => {
  it('opens on outages in a row, and an answer between starts the row over', () => {
    const { breaker, outages } = setUp();
    outages(2);
    breaker.answered();
    outages(2);
    expect(breaker.enter()).toBe(0);
    breaker.outage();
    expect(breaker.state).toBe('open');
    expect(breaker.enter()).toBe(1_000);
  });

  it('opens when half of the calls of a window are outages', () => {
    const { breaker, outages } = setUp(100);
    outages(1);
    for (let i = 0; i < 15; i++) breaker.answered();
    outages(14);
    expect(breaker.state).toBe('closed');
    outages(1);
    expect(breaker.state).toBe('open');
  });

  it('forgets a window that has passed', () => {
    const { breaker, clock, outages } = setUp(100);
    outages(18);
    clock.advance(10_000);
    outages(18);
    expect(breaker.state).toBe('closed');
  });

  it('lets one probe through after its time, and closes on its answer', () => {
    const { breaker, clock, outages, states } = setUp();
    outages(3);
    clock.advance(1_000);
    expect(breaker.enter()).toBe(0);
    expect(breaker.enter()).toBe(1_000);
    breaker.answered();
    expect(breaker.enter()).toBe(0);
    expect(breaker.enter()).toBe(0);
    expect(states).toEqual(['open', 'half-open', 'closed']);
  });

  it('waits twice as long after each failed probe, up to its bound, and as before once it was closed', () => {
    const { breaker, clock, outages } = setUp();
    outages(3);
    const waits = [1_000, 2_000, 3_000, 3_000].map((ms) => {
      const wait = breaker.enter();
      clock.advance(ms);
      breaker.enter();
      breaker.outage();
      return wait;
    });
    expect(waits).toEqual([1_000, 2_000, 3_000, 3_000]);
    clock.advance(3_000);
    breaker.enter();
    breaker.answered();
    outages(3);
    expect(breaker.enter()).toBe(1_000);
  });

  it('sends another probe when one does not come back, or says nothing', () => {
    const { breaker, clock, outages } = setUp();
    outages(3);
    clock.advance(1_000);
    breaker.enter();
    clock.advance(1_000);
    expect(breaker.enter()).toBe(0);
    expect(breaker.enter()).toBe(1_000);
    breaker.undecided();
    expect(breaker.enter()).toBe(0);
  });

  it('is not held open longer by calls that began before', () => {
    const { breaker, clock, outages } = setUp();
    outages(3);
    clock.advance(900);
    breaker.outage();
    expect(breaker.enter()).toBe(100);
  });

  it('stays open for as long as the server asks, within its bound', () => {
    const { breaker } = setUp();
    breaker.hold(2_500);
    expect(breaker.enter()).toBe(2_500);
    breaker.hold(3_600_000);
    expect(breaker.enter()).toBe(3_000);
  });

  it('never opens where it is switched off', () => {
    const { breaker, outages } = setUp(0);
    outages(1_000);
    breaker.hold(1_000);
    expect(breaker.enter()).toBe(0);
  });
});
