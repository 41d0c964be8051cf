import type { Clock } from '#kernel/time/index.js';
import type { HeldLock, Locks } from './shared-state.js';

interface Holder {
  until: number;
}

/** Locks among the parts of one process. Expired ones are dropped when their name is asked for, or when many pile up. */
export class MemoryLocks implements Locks {
  readonly #clock: Clock;
  #fence = 0;
  readonly #holders = new Map<string, Holder>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async acquire(name: string, ttlMs: number): Promise<HeldLock | undefined> {
    if (this.#isHeld(this.#holders.get(name))) return undefined;
    this.#dropExpired();
    const holder: Holder = { until: this.#clock.monotonic() + ttlMs };
    this.#holders.set(name, holder);
    const isOurs = (): boolean => this.#holders.get(name) === holder && this.#isHeld(holder);
    return {
      fence: (this.#fence += 1),
      extend: async (ms) => {
        if (!isOurs()) return false;
        holder.until = this.#clock.monotonic() + ms;
        return true;
      },
      release: async () => {
        if (isOurs()) this.#holders.delete(name);
      },
    };
  }

  #isHeld(holder: Holder | undefined): boolean {
    return holder !== undefined && holder.until > this.#clock.monotonic();
  }

  #dropExpired(): void {
    if (this.#holders.size < manyLocks) return;
    for (const [name, holder] of this.#holders) if (!this.#isHeld(holder)) this.#holders.delete(name);
  }
}

const manyLocks = 1_000;
