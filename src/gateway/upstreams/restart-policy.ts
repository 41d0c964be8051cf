import { fail } from '#kernel/errors/index.js';
import { backoff, type Backoff, type Clock } from '#kernel/time/index.js';

const firstRestartMs = 1_000;
const maxRestartMs = 60_000;
/** Milliseconds that a child must have lived for its restart to be immediate. */
const stableMs = 10_000;
/** Failures in a row, each within `stableMs` of a start, that make a crash loop. */
const crashLoopFailures = 5;

/** `crash-loop`: it has failed so often that only one try per delay is made. */
export type RestartState = 'ready' | 'backoff' | 'crash-loop';

/**
 * When a child that has failed may be started again: at once after a long life, else after a delay that grows and is
 * drawn at random from all of it, so that many who failed together do not come back together.
 *
 *   ready --failure--> backoff --5th in a row--> crash-loop
 *     ^------------- 10 s of life -----------------/
 */
export class RestartPolicy {
  readonly #provider: string;
  readonly #clock: Clock;
  readonly #delays: Backoff;
  #failures = 0;
  #trying = false;
  #hasEnded = false;
  /** Monotonic milliseconds of the last start that worked. */
  #openedAt: number | undefined;
  /** Monotonic milliseconds before which no start is tried, and why. */
  #notBefore = 0;
  #reason = '';
  #lastStderr: readonly string[] = [];

  constructor(provider: string, clock: Clock) {
    this.#provider = provider;
    this.#clock = clock;
    this.#delays = backoff({ minMs: firstRestartMs, maxMs: maxRestartMs, jitter: 1, resetAfterMs: stableMs }, clock);
  }

  get state(): RestartState {
    if (this.#openedAt !== undefined || this.#failures === 0) return 'ready';
    if (this.#failures >= crashLoopFailures) return 'crash-loop';
    return this.waitMs > 0 ? 'backoff' : 'ready';
  }

  /** Milliseconds until the next try. */
  get waitMs(): number {
    return Math.max(0, this.#notBefore - this.#clock.monotonic());
  }

  /** Redacted lines that the last child which failed wrote to stderr. */
  get lastStderr(): readonly string[] {
    return this.#lastStderr;
  }

  /** Makes one attempt to start, unless it is too early or, in a crash loop, another one is under way. @throws SW_UPSTREAM_UNAVAILABLE */
  async attempt<Value>(start: () => Promise<Value>): Promise<Value> {
    if (this.waitMs > 0) throw this.unavailable(`${this.#reason}; it waits for its next start`);
    if (this.state !== 'crash-loop') return start();
    if (this.#trying) throw this.unavailable(`${this.#reason}; it is being tried again`);
    this.#trying = true;
    try {
      return await start();
    } finally {
      this.#trying = false;
    }
  }

  /** A start has worked; true when one before it had ended or failed. */
  opened(): boolean {
    const again = this.#hasEnded;
    this.#hasEnded = false;
    this.#notBefore = 0;
    this.#openedAt = this.#clock.monotonic();
    this.#delays.succeeded();
    return again;
  }

  /** A child has ended after `livedMs`, or could not be started. */
  ended(reason: string, livedMs: number, stderr: readonly string[]): void {
    const wasOpen = this.#openedAt !== undefined;
    this.#openedAt = undefined;
    this.#hasEnded = true;
    if (wasOpen && livedMs >= stableMs) {
      this.#failures = 0;
      return;
    }
    this.#failures++;
    this.#notBefore = this.#clock.monotonic() + this.#delays.next();
    this.#reason = reason;
    this.#lastStderr = [...stderr];
  }

  unavailable(reason: string, cause?: unknown): ReturnType<typeof fail> {
    const { waitMs } = this;
    return fail(
      'SW_UPSTREAM_UNAVAILABLE',
      {
        provider: this.#provider,
        reason: this.state === 'crash-loop' ? `it fails again and again (${reason})` : reason,
        state: this.state,
        stderr: this.#lastStderr,
        ...(waitMs > 0 ? { retryAfterSeconds: Math.ceil(waitMs / 1_000) } : {}),
      },
      cause,
    );
  }
}
