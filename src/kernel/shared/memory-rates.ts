import type { Clock } from '#kernel/time/index.js';
import type { RateRule, RateVerdict, Rates } from './shared-state.js';

/** Keeps rounding of sums from refusing the last whole unit of a bucket, milliseconds. */
const tolerance = 1e-6;

/**
 * Token buckets in memory. A bucket is one number, the time at which it will be full again (the generic cell rate
 * algorithm): refilling is a subtraction, and a bucket whose time has passed equals one that never existed.
 *
 * Two rules bound the memory without a timer. Every take looks at one other bucket, in turn, and drops it when full.
 * At `maxKeys` the bucket that was started longest ago makes room.
 */
export class MemoryRates implements Rates {
  readonly #clock: Clock;
  readonly #maxKeys: number;
  readonly #fullAt = new Map<string, number>();
  #sweep = this.#fullAt.entries();
  /**
   * Kept while buckets have to make room, because a new iterator would first walk over every entry deleted at the front
   * since the last rehash. Never longer: an iterator that stands still holds every table that the map has outgrown.
   */
  #oldest: MapIterator<string> | undefined;

  constructor(clock: Clock, maxKeys: number) {
    this.#clock = clock;
    this.#maxKeys = maxKeys;
  }

  /** Buckets held. */
  get size(): number {
    return this.#fullAt.size;
  }

  take(key: string, rule: RateRule, cost = 1): RateVerdict {
    const { limit, windowMs, burst = limit } = rule;
    if (limit <= 0 || burst <= 0) return { allowed: false, remaining: 0, retryAfterMs: windowMs, limit };
    const now = this.#clock.monotonic();
    this.#sweepOne(now);
    const unitMs = windowMs / limit;
    const bucketMs = unitMs * burst;
    const stored = this.#fullAt.get(key);
    const isNew = stored === undefined || stored <= now;
    const fullAt = isNew ? now : stored;
    const next = fullAt + Math.min(cost, burst) * unitMs;
    const missing = next - bucketMs - now;
    if (missing > tolerance) {
      return {
        allowed: false,
        remaining: wholeUnits(now + bucketMs - fullAt, unitMs),
        retryAfterMs: Math.ceil(missing),
        limit,
      };
    }
    if (isNew) this.#start(key, stored !== undefined);
    this.#fullAt.set(key, next);
    return { allowed: true, remaining: wholeUnits(now + bucketMs - next, unitMs), retryAfterMs: 0, limit };
  }

  /** Makes the bucket the youngest, and room for it. */
  #start(key: string, known: boolean): void {
    if (this.#fullAt.size < this.#maxKeys) this.#oldest = undefined;
    if (known) {
      this.#fullAt.delete(key);
      return;
    }
    if (this.#fullAt.size < this.#maxKeys) return;
    this.#oldest ??= this.#fullAt.keys();
    let oldest = this.#oldest.next();
    if (oldest.done) {
      this.#oldest = this.#fullAt.keys();
      oldest = this.#oldest.next();
    }
    if (!oldest.done) this.#fullAt.delete(oldest.value);
  }

  #sweepOne(now: number): void {
    const step = this.#sweep.next();
    if (step.done) this.#sweep = this.#fullAt.entries();
    else if (step.value[1] <= now) this.#fullAt.delete(step.value[0]);
  }
}

const wholeUnits = (ms: number, unitMs: number): number => Math.max(0, Math.floor((ms + tolerance) / unitMs));
