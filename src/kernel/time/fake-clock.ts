import type { Clock } from './clock.js';

/** A clock that stands still until a test moves it. */
export interface FakeClock extends Clock {
  /** Moves time and fires what falls due, in order, before it returns. Timers set meanwhile fire too when due. */
  advance(ms: number): void;
  /** The same, and after every timer lets promises settle, so that code between two waits gets to run. */
  advanceAsync(ms: number): Promise<void>;
  /** Timers still waiting. */
  readonly pending: number;
}

interface Waiting {
  readonly due: number;
  readonly fn: () => void;
}

/** Makes a clock for tests. `startMs` is its first `now()`, default 2026-01-01T00:00:00Z. */
export function fakeClock(startMs = Date.UTC(2026, 0, 1)): FakeClock {
  let elapsed = 0;
  const waiting = new Set<Waiting>();
  const fireNext = (until: number): boolean => {
    let next: Waiting | undefined;
    for (const timer of waiting) {
      if (timer.due <= until && (next === undefined || timer.due < next.due)) next = timer;
    }
    if (next === undefined) {
      elapsed = until;
      return false;
    }
    waiting.delete(next);
    elapsed = Math.max(elapsed, next.due);
    next.fn();
    return true;
  };
  return {
    now: () => startMs + elapsed,
    monotonic: () => elapsed,
    after: (ms, fn) => {
      const timer: Waiting = { due: elapsed + Math.max(0, ms), fn };
      waiting.add(timer);
      return { cancel: () => void waiting.delete(timer) };
    },
    advance: (ms) => {
      const until = elapsed + ms;
      while (fireNext(until));
    },
    advanceAsync: async (ms) => {
      const until = elapsed + ms;
      do await settled();
      while (fireNext(until));
    },
    get pending() {
      return waiting.size;
    },
  };
}

/** Resolves when all promises that can settle now have settled. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
