import type { Clock } from '#kernel/time/index.js';
import type { Revocations } from './shared-state.js';

/**
 * Revoked keys until they expire by themselves. At `maxKeys` the expired ones go first and then the oldest, which with
 * one lifetime for all are those that expire next.
 */
export class MemoryRevocations implements Revocations {
  readonly #clock: Clock;
  readonly #maxKeys: number;
  readonly #until = new Map<string, number>();

  constructor(clock: Clock, maxKeys: number) {
    this.#clock = clock;
    this.#maxKeys = maxKeys;
  }

  add(key: string, untilEpochMs: number): void {
    const until = Math.max(untilEpochMs, this.#until.get(key) ?? 0);
    this.#until.delete(key);
    if (until <= this.#clock.now()) return;
    this.#makeRoom();
    this.#until.set(key, until);
  }

  has(key: string): boolean {
    const until = this.#until.get(key);
    if (until === undefined) return false;
    if (until > this.#clock.now()) return true;
    this.#until.delete(key);
    return false;
  }

  /** Frees a tenth at a time, so that a full set does not walk its entries for every addition. */
  #makeRoom(): void {
    if (this.#until.size < this.#maxKeys) return;
    const now = this.#clock.now();
    const target = this.#maxKeys - Math.max(1, Math.floor(this.#maxKeys / 10));
    for (const [key, until] of this.#until) if (until <= now) this.#until.delete(key);
    for (const key of this.#until.keys()) {
      if (this.#until.size <= target) return;
      this.#until.delete(key);
    }
  }
}
