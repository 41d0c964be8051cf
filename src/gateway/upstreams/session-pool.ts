import { fail } from '#kernel/errors/index.js';
import type { Clock, Timer } from '#kernel/time/index.js';
import type { LegacySession } from './legacy-session.js';

interface Entry {
  readonly opening: Promise<LegacySession | undefined>;
  session: LegacySession | undefined;
  usedAt: number;
}

/** Legacy sessions by owner: opened once each, ended when idle, bounded in number. Least recently used first. */
export class SessionPool {
  readonly #entries = new Map<string, Entry>();
  readonly #clock: Clock;
  readonly #idleMs: number;
  readonly #max: number;
  #timer: Timer | undefined;

  constructor(clock: Clock, idleMs: number, max: number) {
    this.#clock = clock;
    this.#idleMs = idleMs;
    this.#max = max;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The session of `key`, opened by `open` where there is none. @throws SW_OVERLOADED and what `open` rejects with */
  get(key: string, open: () => Promise<LegacySession | undefined>): Promise<LegacySession | undefined> {
    const known = this.#entries.get(key);
    if (known && !known.session?.closed) {
      known.usedAt = this.#clock.monotonic();
      this.#entries.delete(key);
      this.#entries.set(key, known);
      return known.opening;
    }
    if (this.#entries.size >= this.#max && !this.#evictOne())
      return Promise.reject(fail('SW_OVERLOADED', { reason: 'all upstream sessions are in use' }));
    const entry: Entry = { opening: open(), session: undefined, usedAt: this.#clock.monotonic() };
    this.#entries.set(key, entry);
    const forget = () => {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
    };
    entry.opening.then((session) => {
      entry.session = session;
      if (!session) forget();
    }, forget);
    this.#timer ??= this.#clock.after(this.#idleMs / 2, () => this.#sweep(), { unref: true });
    return entry.opening;
  }

  /** The session of `key`, if it is open. */
  peek(key: string): LegacySession | undefined {
    return this.#entries.get(key)?.session;
  }

  /** Ends the session of `key`, if there is one, whatever still runs on it. */
  end(key: string): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    // One that could not be opened has told whoever asked for it.
    entry.opening.then(
      (session) => session?.close(),
      () => undefined,
    );
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    const sessions = [...this.#entries.values()].flatMap(({ session }) => session ?? []);
    this.#entries.clear();
    await Promise.all(sessions.map((session) => session.close()));
  }

  #evictOne(): boolean {
    for (const [key, { session }] of this.#entries)
      if (session && !session.busy) {
        this.#entries.delete(key);
        void session.close();
        return true;
      }
    return false;
  }

  #sweep(): void {
    const old = this.#clock.monotonic() - this.#idleMs;
    for (const [key, { session, usedAt }] of this.#entries)
      if (session && (session.closed || (usedAt < old && !session.busy))) {
        this.#entries.delete(key);
        void session.close();
      }
    this.#timer = this.#clock.after(this.#idleMs / 2, () => this.#sweep(), { unref: true });
  }
}
