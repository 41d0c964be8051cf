import type { CallScope } from '#kernel/context/index.js';
import { fail } from '#kernel/errors/index.js';
import type { Clock, Timer } from '#kernel/time/index.js';
import { cancelledError } from '#protocol/client/index.js';
import type { LegacySession } from './legacy-session.js';

/** Calls that may wait for a lease, per upstream. */
const maxWaiting = 1_000;

/** A session that belongs to one call until it is released. */
export interface Lease {
  readonly session: LegacySession;
  /** Gives it back; `spoiled`: the call may still run on the server, so nobody else can have the session. Once only. */
  release(spoiled: boolean): void;
}

export interface LeasePoolOptions<Owner> {
  /** Sessions at once, leased and free. */
  readonly max: number;
  /** Milliseconds after which a free session ends. */
  readonly idleMs: number;
  readonly clock: Clock;
  /** Whose sessions an owner may have: those of another key are never handed over. */
  readonly keyOf: (owner: Owner) => string;
  readonly open: (owner: Owner) => Promise<LegacySession | undefined>;
  /** Called when a call was turned away because too many wait. */
  readonly onRefused: () => void;
}

interface Free {
  readonly key: string;
  readonly session: LegacySession;
  readonly since: number;
}

interface Waiting<Owner> {
  readonly owner: Owner;
  readonly resolve: (lease: Promise<Lease | undefined>) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A few sessions for calls that must be alone on theirs, because the server's questions do not name a call. Who comes
 * when all are leased waits in line, at most as long as the call may take.
 */
export class LeasePool<Owner> {
  readonly #options: LeasePoolOptions<Owner>;
  /** Used last at the end: that one is taken first, so that the others get old and end. */
  #free: Free[] = [];
  readonly #waiting = new Set<Waiting<Owner>>();
  /** Sessions that are open, free or being opened. */
  #count = 0;
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: LeasePoolOptions<Owner>) {
    this.#options = options;
  }

  /** Sessions that are leased now. */
  get leased(): number {
    return this.#count - this.#free.length;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * A session for one call; undefined where the server does not speak the legacy family.
   * @throws SW_OVERLOADED, SW_CANCELLED, SW_DEADLINE_EXCEEDED and what opening a session raises
   */
  async take(owner: Owner, scope: CallScope): Promise<Lease | undefined> {
    if (this.#waiting.size === 0) {
      const lease = this.#takeNow(owner);
      if (lease) return lease;
    }
    if (this.#waiting.size >= maxWaiting) {
      this.#options.onRefused();
      throw fail('SW_OVERLOADED', { reason: `${String(maxWaiting)} calls wait for a session of their own` });
    }
    return this.#wait(owner, scope);
  }

  /** Ends the free session that was used longest ago; undefined where all are leased. */
  evictIdle(): Promise<void> | undefined {
    const oldest = this.#free.shift();
    if (!oldest) return undefined;
    this.#count--;
    return oldest.session.close();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    for (const { reject } of this.#waiting) reject(fail('SW_DRAINING'));
    this.#waiting.clear();
    await Promise.all(this.#free.splice(0).map(({ session }) => session.close()));
  }

  #wait(owner: Owner, scope: CallScope): Promise<Lease | undefined> {
    if (scope.cancelled) throw cancelledError(scope);
    return new Promise((resolve, reject) => {
      const stopListening = scope.onCancel(() => {
        if (this.#waiting.delete(waiting)) reject(cancelledError(scope));
      });
      const waiting: Waiting<Owner> = {
        owner,
        reject,
        resolve: (lease) => {
          stopListening();
          resolve(lease);
        },
      };
      this.#waiting.add(waiting);
    });
  }

  #takeNow(owner: Owner): Promise<Lease | undefined> | undefined {
    this.#dropEnded();
    const key = this.#options.keyOf(owner);
    const index = this.#free.findLastIndex((free) => free.key === key);
    const [known] = index < 0 ? [] : this.#free.splice(index, 1);
    if (known) return Promise.resolve(this.#lease(key, known.session));
    if (this.#count < this.#options.max) {
      this.#count++;
      return this.#open(key, owner);
    }
    const evicted = this.evictIdle();
    if (!evicted) return undefined;
    this.#count++;
    return evicted.then(() => this.#open(key, owner));
  }

  async #open(key: string, owner: Owner): Promise<Lease | undefined> {
    let session: LegacySession | undefined;
    try {
      session = await this.#options.open(owner);
    } finally {
      if (!session) this.#left();
    }
    return session && this.#lease(key, session);
  }

  #lease(key: string, session: LegacySession): Lease {
    return { session, release: (spoiled) => this.#release(key, session, spoiled) };
  }

  #release(key: string, session: LegacySession, spoiled: boolean): void {
    if (spoiled || session.closed || this.#closed) {
      void session.close();
      this.#left();
      return;
    }
    this.#free.push({ key, session, since: this.#options.clock.monotonic() });
    this.#timer ??= this.#sweepLater();
    this.#serveNext();
  }

  #left(): void {
    this.#count--;
    this.#serveNext();
  }

  #serveNext(): void {
    const [next] = this.#waiting;
    const lease = next && this.#takeNow(next.owner);
    if (!lease) return;
    this.#waiting.delete(next);
    next.resolve(lease);
  }

  #dropEnded(): void {
    const living = this.#free.filter(({ session }) => !session.closed);
    this.#count -= this.#free.length - living.length;
    this.#free = living;
  }

  #sweepLater = (): Timer => this.#options.clock.after(this.#options.idleMs / 2, () => this.#sweep(), { unref: true });

  #sweep(): void {
    this.#dropEnded();
    const old = this.#options.clock.monotonic() - this.#options.idleMs;
    while ((this.#free[0]?.since ?? Infinity) < old) void this.evictIdle();
    this.#timer = this.#free.length > 0 ? this.#sweepLater() : undefined;
  }
}
