import { systemClock, type Clock } from './clock.js';

export interface BackoffOptions {
  /** First delay, milliseconds. */
  readonly minMs: number;
  /** Longest delay, milliseconds. */
  readonly maxMs: number;
  /** Each delay is this many times the one before. Default 2. */
  readonly factor?: number;
  /** Share of a delay that is random, 0 to 1, so that many who failed together do not return together. Default 0.5. */
  readonly jitter?: number;
  /** A success must have lasted this long, milliseconds, before delays start over. Default 0: at once. */
  readonly resetAfterMs?: number;
}

/** How long to wait before the next attempt. */
export interface Backoff {
  /** Call after a failure: milliseconds to wait. */
  next(): number;
  /** Call after an attempt that worked. What works for a moment and fails again keeps its long delay. */
  succeeded(): void;
}

/** Makes exponential delays with jitter. `random` yields 0 (inclusive) to 1 (exclusive). */
export function backoff(
  options: BackoffOptions,
  clock: Clock = systemClock,
  random: () => number = Math.random,
): Backoff {
  const { minMs, maxMs, factor = 2, jitter = 0.5, resetAfterMs = 0 } = options;
  let upcoming = minMs;
  let succeededAt: number | undefined;
  return {
    next: () => {
      if (succeededAt !== undefined && clock.monotonic() - succeededAt >= resetAfterMs) upcoming = minMs;
      succeededAt = undefined;
      const full = Math.min(upcoming, maxMs);
      upcoming = Math.min(upcoming * factor, maxMs);
      return Math.round(full * (1 - jitter * random()));
    },
    succeeded: () => {
      succeededAt = clock.monotonic();
    },
  };
}
