import { reasonOf, SeaworthyError } from '#kernel/errors/index.js';
import { backoff, type Backoff, type Timer } from '#kernel/time/index.js';
import type { ListKind, ProviderSnapshot } from '../catalog/index.js';
import type { UpstreamContext } from './config.js';
import { changedLists } from './lists.js';

export interface SnapshotKeeperOptions {
  readonly context: UpstreamContext;
  /** Reads all lists; `previous` is the last good snapshot. */
  readonly read: (previous: ProviderSnapshot | undefined) => Promise<ProviderSnapshot>;
  /** Called for every snapshot read, with the lists that differ or were announced. */
  readonly onRead: (snapshot: ProviderSnapshot, lists: readonly ListKind[]) => void;
  readonly onFailure: (reason: string) => void;
}

/**
 * Holds the last good snapshot of one upstream and reads it anew: when it is out of date, when the server announces a
 * change, and after a failure until it works. One reading at a time, and never more of them than the pace allows,
 * however often the server announces.
 */
export class SnapshotKeeper {
  readonly #options: SnapshotKeeperOptions;
  readonly #retries: Backoff;
  #current: ProviderSnapshot | undefined;
  #reading: Promise<ProviderSnapshot> | undefined;
  /** Time of the monotonic clock when the last reading began. */
  #begunAt = Number.NEGATIVE_INFINITY;
  #failure: string | undefined;
  /** Lists that the server said have changed and that were not read since. */
  #announced = new Set<ListKind>();
  #next: { readonly timer: Timer; readonly due: number } | undefined;
  /** A reading is planned because a call failed. */
  #doubted = false;
  #stopped = false;

  constructor(options: SnapshotKeeperOptions) {
    this.#options = options;
    this.#retries = backoff({ minMs: 1_000, maxMs: 60_000 }, options.context.clock);
  }

  get current(): ProviderSnapshot | undefined {
    return this.#current;
  }
  /** Why the last reading failed; undefined when it did not. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Takes over the snapshot of an earlier run: nothing is read until somebody needs the upstream anyway. */
  adopt(snapshot: ProviderSnapshot): void {
    this.#current = snapshot;
  }

  /** Reads now, or joins the reading under way. Rejects with SW_UPSTREAM_*, SW_LISTS_TOO_LARGE. */
  refresh(): Promise<ProviderSnapshot> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
      this.#plan();
    });
    return this.#reading;
  }

  /** The same, where nobody waits: a failure goes to the log. */
  async refreshQuietly(): Promise<void> {
    if (this.#stopped) return;
    try {
      await this.refresh();
    } catch (thrown) {
      if (!this.#stopped)
        this.#options.context.logger.warn({ err: thrown }, 'the lists of the upstream could not be read');
    }
  }

  announce(list: ListKind): void {
    this.#announced.add(list);
    // A reading under way plans the next one when it ends.
    if (!this.#reading) this.#readWithin(this.#untilNextChange());
  }

  /** The server could not be reached by a call: reads soon, so that it is known when it is back. */
  doubt(): void {
    if (this.#doubted || this.#reading || this.#failure !== undefined) return;
    this.#doubted = true;
    this.#readWithin(this.#retries.next());
  }

  stop(): void {
    this.#stopped = true;
    this.#next?.timer.cancel();
  }

  async #read(): Promise<ProviderSnapshot> {
    const { context, onFailure, onRead, read } = this.#options;
    const announced = this.#announced;
    this.#announced = new Set();
    this.#begunAt = context.clock.monotonic();
    this.#next?.timer.cancel();
    this.#next = undefined;
    this.#doubted = false;
    try {
      const before = this.#current;
      this.#current = await read(before);
      this.#failure = undefined;
      this.#retries.succeeded();
      this.#count('ok');
      if (!this.#stopped) onRead(this.#current, [...new Set([...changedLists(before, this.#current), ...announced])]);
      return this.#current;
    } catch (thrown) {
      for (const list of announced) this.#announced.add(list);
      const error = thrown instanceof SeaworthyError ? thrown : context.faults.protocol(reasonOf(thrown), thrown);
      this.#failure = error.message;
      this.#count(error.code);
      if (!this.#stopped) onFailure(this.#failure);
      throw error;
    }
  }

  /** After a reading: when the next one is due. */
  #plan(): void {
    if (this.#failure !== undefined) this.#readWithin(this.#retries.next());
    else if (this.#announced.size > 0) this.#readWithin(this.#untilNextChange());
    else if (this.#options.context.startsAtBoot) this.#readWithin(this.#untilStale());
  }

  /** A little before they are out of date, and not all upstreams at the same moment. */
  #untilStale(): number {
    return Math.max(this.#current?.ttlMs ?? 0, this.#options.context.refreshMs) * (1 - 0.2 * Math.random());
  }

  #untilNextChange(): number {
    const { clock, changeIntervalMs } = this.#options.context;
    return Math.max(0, this.#begunAt + changeIntervalMs - clock.monotonic());
  }

  /** Reads after so many milliseconds, unless an earlier reading is planned. */
  #readWithin(ms: number): void {
    const { clock } = this.#options.context;
    const due = clock.monotonic() + ms;
    if (this.#stopped || (this.#next && this.#next.due <= due)) return;
    this.#next?.timer.cancel();
    const begin = (): void => {
      this.#next = undefined;
      void this.refreshQuietly();
    };
    this.#next = { due, timer: clock.after(ms, begin, { unref: true }) };
  }

  #count(outcome: string): void {
    const { id, metrics } = this.#options.context;
    metrics?.listReadings.inc({ provider: id, outcome });
  }
}
