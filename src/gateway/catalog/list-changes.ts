import type { Clock, Timer } from '#kernel/time/index.js';
import type { ListKind } from './provider.js';

/** The lists that changed, by provider. */
export type ChangedLists = ReadonlyMap<string, ReadonlySet<ListKind>>;

/**
 * Gathers changes of lists, so that many of them do not storm the clients: the first is told at once, what follows
 * within the interval is told together at its end.
 */
export class ListChanges {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #tell: (changed: ChangedLists) => void;
  #waiting = new Map<string, Set<ListKind>>();
  #toldAt = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;

  constructor(clock: Clock, intervalMs: number, tell: (changed: ChangedLists) => void) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#tell = tell;
  }

  add(providers: Iterable<string>, lists: readonly ListKind[]): void {
    if (lists.length === 0) return;
    for (const provider of providers) {
      const known = this.#waiting.get(provider);
      if (known) for (const list of lists) known.add(list);
      else this.#waiting.set(provider, new Set(lists));
    }
    if (this.#timer || this.#waiting.size === 0) return;
    const wait = this.#toldAt + this.#intervalMs - this.#clock.monotonic();
    if (wait > 0) this.#timer = this.#clock.after(wait, () => this.#flush(), { unref: true });
    else this.#flush();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #flush(): void {
    this.#timer = undefined;
    this.#toldAt = this.#clock.monotonic();
    const changed = this.#waiting;
    this.#waiting = new Map();
    this.#tell(changed);
  }
}
