import { fail, reasonOf, toSeaworthyError } from '#kernel/errors/index.js';
import type { Storage } from '#kernel/storage/index.js';
import type { Principal } from '#kernel/context/index.js';
import type { ProviderSnapshot } from '../catalog/index.js';
import { approvalOf } from './definition.js';
import { lockStamp, readLock, writeLock } from './lock-file.js';
import { withPins, type Pin, type PinSet } from './pin-set.js';
import { addTrusted, PinTable } from './pin-table.js';
import { Pins, type PinsOptions, type PinStatus } from './pins.js';

export interface PinBookOptions extends Omit<PinsOptions, 'onTrusted'> {
  /** The lock file, whether or not it exists. */
  readonly file: string;
  readonly storage: Storage;
}

/** How soon a decision of another process is seen, milliseconds. */
const lookMs = 1000;

/**
 * Where pins are kept: in the lock file for the servers that it names, else in the database. The file is only written
 * by whoever decides; what is trusted at first sight goes to the database.
 */
export class PinBook {
  readonly pins: Pins;
  readonly #options: PinBookOptions;
  readonly #table: PinTable;
  #stamp: string | undefined;
  #locked: ReadonlyMap<string, PinSet> | undefined;
  #onChange: () => void = () => {};
  #timer: NodeJS.Timeout | undefined;
  /** Readings and writings, one after the other. */
  #queue: Promise<void> = Promise.resolve();

  private constructor(options: PinBookOptions, table: PinTable) {
    this.#options = options;
    this.#table = table;
    this.pins = new Pins({ ...options, onTrusted: (provider, trusted) => this.#keep(provider, trusted) });
  }

  /** @throws SW_PIN_LOCK_INVALID: what cannot be trusted must not be served from; SW_STORAGE_* */
  static async open(options: PinBookOptions): Promise<PinBook> {
    const book = new PinBook(options, await PinTable.open(options.storage));
    await book.#look();
    return book;
  }

  /** Follows file and database from now on, and calls back when pins have changed. */
  watch(onChange: () => void): void {
    this.#onChange = onChange;
    let refused: string | undefined;
    this.#timer = setInterval(() => {
      this.#enqueue(async () => {
        try {
          await this.#look();
          refused = undefined;
        } catch (error) {
          const { message } = toSeaworthyError(error);
          if (message === refused) return;
          refused = message;
          this.#options.logger.error(
            { reason: message },
            'the pins could not be read again; the last ones stay in force',
          );
        }
      });
    }, lookMs).unref();
  }

  /** The lock file, where there is one: decisions go there, else to the database. */
  get file(): string | undefined {
    return this.#locked === undefined ? undefined : this.#options.file;
  }

  /** The forms that are offered now become the approved ones. */
  approve(snapshot: ProviderSnapshot, items: readonly PinStatus[], by: Principal): Promise<void> {
    const changes = items.flatMap(({ current }) => (current ? [approvalOf(current)] : []));
    return this.#decide(snapshot.provider, changes, 'pin.approved', by);
  }

  /** The forms that are offered now are refused for good, whatever the policy; an approved form stays approved. */
  reject(snapshot: ProviderSnapshot, items: readonly PinStatus[], by: Principal): Promise<void> {
    const changes = items.flatMap(({ current, pin }) => {
      if (!current) return [];
      const { kind, name, hash } = current;
      const approved = pin?.approved?.hash === hash ? undefined : pin?.approved;
      return [{ kind, name, pin: { approved, rejected: [...new Set([...(pin?.rejected ?? []), hash])] } }];
    });
    return this.#decide(snapshot.provider, changes, 'pin.rejected', by);
  }

  /** Writes everything that is known of these servers to the lock file, which then decides about them. */
  async lock(providers: readonly string[]): Promise<void> {
    const sets = new Map(await readLock(this.#options.file));
    for (const provider of providers) sets.set(provider, this.pins.setOf(provider));
    await writeLock(this.#options.file, sets);
    await this.#look();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#queue;
  }

  async #decide(
    provider: string,
    changes: readonly { readonly kind: PinStatus['kind']; readonly name: string; readonly pin: Pin }[],
    event: 'pin.approved' | 'pin.rejected',
    by: Principal,
  ): Promise<void> {
    await this.#queue;
    const change = (set: PinSet) => withPins(set, changes, true);
    const locked = await readLock(this.#options.file);
    if (locked) {
      const next = change(locked.get(provider) ?? this.pins.setOf(provider));
      await writeLock(this.#options.file, locked.set(provider, next));
    } else await this.#table.change(provider, change);
    for (const { kind, name, pin } of changes) {
      const hash = event === 'pin.approved' ? pin.approved?.hash : pin.rejected.at(-1);
      const detail = { kind, hash: hash ?? '' };
      const { audit, now } = this.#options;
      audit.write({ kind: 'security', event, time: now(), outcome: 'ok', principal: by, provider, name, detail });
    }
    await this.#look();
  }

  async #look(): Promise<void> {
    const { file } = this.#options;
    const stamp = `${await lockStamp(file)}\n${await this.#table.stamp()}`;
    if (stamp === this.#stamp) return;
    const locked = await readLock(file);
    // Without its file a running server would begin to trust at first sight: that takes a restart.
    if (locked === undefined && this.#locked !== undefined)
      throw fail('SW_PIN_LOCK_INVALID', { file, reason: 'it is gone' });
    this.#locked = locked;
    this.#stamp = stamp;
    this.pins.replace(new Map([...(await this.#table.read()), ...(locked ?? [])]));
    this.#onChange();
  }

  #keep(provider: string, trusted: PinSet): void {
    this.#enqueue(async () => {
      try {
        await this.#table.change(provider, (set) => addTrusted(set, trusted));
      } catch (error) {
        this.#options.logger.warn({ provider, reason: reasonOf(error) }, 'first sightings could not be kept');
      }
    });
  }

  #enqueue(work: () => Promise<void>): void {
    this.#queue = this.#queue.then(work);
  }
}
