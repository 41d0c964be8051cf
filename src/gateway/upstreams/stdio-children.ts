import type { Clock, Timer } from '#kernel/time/index.js';
import type { Family } from '#protocol/model/index.js';
import type { ModernConnection } from './dialer.js';
import type { LegacySession } from './legacy-session.js';
import type { SharedLease } from './shared-lease.js';
import type { StdioConnection } from './stdio-connection.js';

/** A child that has answered, in the family that its first message had. */
export interface OpenedChild {
  readonly connection: StdioConnection;
  readonly modern?: ModernConnection;
  readonly legacy?: LegacySession;
  readonly lending: SharedLease;
}

interface Child {
  readonly opening: Promise<OpenedChild | undefined>;
  opened: OpenedChild | undefined;
  /** Monotonic milliseconds. */
  usedAt: number;
}

/** Milliseconds without use after which a child may have to make room: a call may be just about to be sent to it. */
const evictableMs = 100;

export interface StdioChildrenOptions {
  readonly clock: Clock;
  /** Milliseconds after which an unused child ends. */
  readonly idleMs: number;
  /** True for the child that must not end: the one that lists are read on. */
  readonly isKept: (family: Family, key: string) => boolean;
  /** Called when a child has answered and others may use it. */
  readonly onOpened: (family: Family, key: string) => void;
  /** Called when a child that nobody used is being ended. */
  readonly onReaped: (family: Family, key: string, reason: 'idle' | 'evicted') => void;
}

/** The children of one upstream by family and by whoever shares one; what nobody uses is ended after a while. */
export class StdioChildren {
  readonly #options: StdioChildrenOptions;
  readonly #byKey: Record<Family, Map<string, Child>> = { modern: new Map(), legacy: new Map() };
  #timer: Timer | undefined;

  constructor(options: StdioChildrenOptions) {
    this.#options = options;
  }

  /** The child of `key`, open or being opened. */
  get(family: Family, key: string): Promise<OpenedChild | undefined> | undefined {
    const child = this.#byKey[family].get(key);
    if (!child) return undefined;
    child.usedAt = this.#options.clock.monotonic();
    return child.opening;
  }

  /** Keeps a child that is being opened; forgets it when that fails. */
  keep(family: Family, key: string, opening: Promise<OpenedChild | undefined>): Promise<OpenedChild | undefined> {
    const { clock } = this.#options;
    const child: Child = { opening, opened: undefined, usedAt: clock.monotonic() };
    this.#byKey[family].set(key, child);
    const forget = () => {
      if (this.#byKey[family].get(key) === child) this.#byKey[family].delete(key);
    };
    opening.then((opened) => {
      child.opened = opened;
      child.usedAt = clock.monotonic();
      // It may have ended before anybody could see it open.
      if (!opened || opened.connection.endReason !== undefined) forget();
      else this.#options.onOpened(family, key);
    }, forget);
    this.#timer ??= this.#sweepLater();
    return opening;
  }

  /** Forgets a child that has ended and tells whose it was. */
  forget(family: Family, connection: StdioConnection): string | undefined {
    for (const [key, { opened }] of this.#byKey[family])
      if (opened?.connection === connection) {
        this.#byKey[family].delete(key);
        return key;
      }
    return undefined;
  }

  /** Ends the child unused longest, if one is idle. Settles when it has ended. */
  evictIdle(): Promise<void> | undefined {
    const before = this.#options.clock.monotonic() - evictableMs;
    const [oldest] = [...this.#idle(before)].sort((a, b) => a.child.usedAt - b.child.usedAt);
    return oldest && this.#reap(oldest.family, oldest.key, oldest.opened, 'evicted');
  }

  /** Ends the children of a key, whose user has gone. */
  end(key: string): void {
    for (const family of ['modern', 'legacy'] as const) {
      const opened = this.#byKey[family].get(key)?.opened;
      if (opened) void this.#reap(family, key, opened, 'idle');
    }
  }

  stop(): void {
    this.#timer?.cancel();
  }

  *#idle(usedBefore: number) {
    for (const family of ['modern', 'legacy'] as const)
      for (const [key, child] of this.#byKey[family]) {
        const { opened, usedAt } = child;
        if (opened && usedAt <= usedBefore && !isNeeded(opened) && !this.#options.isKept(family, key))
          yield { family, key, child, opened };
      }
  }

  #reap(family: Family, key: string, { connection, legacy }: OpenedChild, reason: 'idle' | 'evicted'): Promise<void> {
    this.#byKey[family].delete(key);
    legacy?.lost();
    this.#options.onReaped(family, key, reason);
    return connection.stop();
  }

  #sweepLater = (): Timer => this.#options.clock.after(this.#options.idleMs / 2, () => this.#sweep(), { unref: true });

  #sweep(): void {
    const old = this.#options.clock.monotonic() - this.#options.idleMs;
    for (const { family, key, opened } of [...this.#idle(old)]) void this.#reap(family, key, opened, 'idle');
    const { modern, legacy } = this.#byKey;
    this.#timer = modern.size + legacy.size > 0 ? this.#sweepLater() : undefined;
  }
}

const isNeeded = ({ connection, legacy }: OpenedChild): boolean => legacy?.needed ?? connection.peer.inFlight > 0;
