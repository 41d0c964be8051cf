/** A wait that can be called off. */
export interface Timer {
  /** Stops it; does nothing when it has fired. */
  cancel(): void;
}

export interface TimerOptions {
  /** True: an otherwise idle process may end before it fires. Default false. */
  readonly unref?: boolean;
}

/** Where all waiting goes through, so that a test can own time. */
export interface Clock {
  /** Milliseconds since the epoch, for what is stored or shown; may jump when the machine's clock is set. */
  now(): number;
  /** Milliseconds since some fixed point, for measuring and for deadlines; never goes back. */
  monotonic(): number;
  /** Calls `fn` once after `ms` milliseconds (negative counts as 0). */
  after(ms: number, fn: () => void, options?: TimerOptions): Timer;
}

/** Longest delay setTimeout takes; a longer one would fire at once. */
const maxDelayMs = 2 ** 31 - 1;

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (ms, fn, options) => {
    const due = performance.now() + ms;
    let handle: NodeJS.Timeout;
    const arm = (): void => {
      const left = due - performance.now();
      handle = setTimeout(left > maxDelayMs ? arm : fn, Math.min(Math.max(left, 0), maxDelayMs));
      if (options?.unref) handle.unref();
    };
    arm();
    return {
      cancel: () => {
        clearTimeout(handle);
      },
    };
  },
};
