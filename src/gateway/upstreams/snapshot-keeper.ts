import { reasonOf, SeaworthyError } from '#kernel/errors/index.js';
import { backoff, type Backoff } from '#kernel/time/index.js';
import type { ProviderSnapshot } from '../catalog/index.js';
import type { UpstreamContext } from './config.js';
import { changedLists, type ListKind } from './lists.js';

export interface SnapshotKeeperOptions {
  readonly context: UpstreamContext;
  /** Reads all lists; `previous` is the last good snapshot. */
  readonly read: (previous: ProviderSnapshot | undefined) => Promise<ProviderSnapshot>;
  /** Called for every snapshot read, with the lists that differ or were announced. */
  readonly onRead: (snapshot: ProviderSnapshot, lists: readonly ListKind[]) => void;
  readonly onFailure: (reason: string) => void;
}

/** Holds the last good snapshot of one upstream and reads it anew: one reading at a time, announcements coalesced. */
export class SnapshotKeeper {
  readonly #options: SnapshotKeeperOptions;
  readonly #retries: Backoff;
  #current: ProviderSnapshot | undefined;
  #reading: Promise<ProviderSnapshot> | undefined;
  #failure: string | undefined;
  /** Lists that the server said have changed and that were not read since. */
  #announced = new Set<ListKind>();
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

  refresh(): Promise<ProviderSnapshot> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
      if (this.#announced.size > 0 && this.#failure === undefined) void this.refreshQuietly();
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

  /** Reads for the first time, and until it works: while nothing is offered nobody calls and wakes the upstream up. */
  async start(): Promise<void> {
    await this.refreshQuietly();
    if (this.#current || this.#stopped) return;
    this.#options.context.clock.after(
      this.#retries.next(),
      () => {
        if (!this.#current) void this.start();
      },
      { unref: true },
    );
  }

  announce(list: ListKind): void {
    this.#announced.add(list);
    void this.refreshQuietly();
  }

  stop(): void {
    this.#stopped = true;
  }

  async #read(): Promise<ProviderSnapshot> {
    const { context, onFailure, onRead, read } = this.#options;
    const announced = this.#announced;
    this.#announced = new Set();
    try {
      const before = this.#current;
      this.#current = await read(before);
      this.#failure = undefined;
      onRead(this.#current, [...new Set([...changedLists(before, this.#current), ...announced])]);
      return this.#current;
    } catch (thrown) {
      for (const list of announced) this.#announced.add(list);
      this.#failure = reasonOf(thrown);
      onFailure(this.#failure);
      throw thrown instanceof SeaworthyError ? thrown : context.faults.protocol(this.#failure, thrown);
    }
  }
}
