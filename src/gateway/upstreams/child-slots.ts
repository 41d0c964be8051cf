import { fail } from '#kernel/errors/index.js';

/** Ends one process that nobody needs at the moment; undefined where there is none. Settles when it has ended. */
export type EvictIdle = () => Promise<void> | undefined;

/** How many child processes may live at once. Whoever starts one takes a slot first and gives it back at its end. */
export class ChildSlots {
  readonly #max: number;
  /** The setting that holds the number, for the error. */
  readonly #setting: string;
  readonly #evictors = new Set<EvictIdle>();
  #taken = 0;

  constructor(max: number, setting: string) {
    this.#max = max;
    this.#setting = setting;
  }

  get taken(): number {
    return this.#taken;
  }

  /** Names a place that may have idle processes to give up; returns the way to take that back. */
  register(evict: EvictIdle): () => void {
    this.#evictors.add(evict);
    return () => this.#evictors.delete(evict);
  }

  /** Takes a slot, if need be that of an idle process, and returns the way to give it back. @throws SW_OVERLOADED */
  async take(): Promise<() => void> {
    while (this.#taken >= this.#max) {
      const evicted = this.#evictOne();
      if (!evicted)
        throw fail('SW_OVERLOADED', {
          reason: `${String(this.#max)} processes (${this.#setting}) run and none of them is idle`,
        });
      await evicted;
    }
    this.#taken++;
    let held = true;
    return () => {
      if (held) this.#taken--;
      held = false;
    };
  }

  #evictOne(): Promise<void> | undefined {
    for (const evict of this.#evictors) {
      const evicted = evict();
      if (evicted) return evicted;
    }
    return undefined;
  }
}
