import type { Logger } from '#kernel/telemetry/index.js';
import type { Clock } from '#kernel/time/index.js';
import { fail } from '#kernel/errors/index.js';
import type { ServerSession } from './server-session.js';

export const maxSessions = 1000;
export const idleTimeoutMs = 30 * 60_000;

interface Entry {
  readonly session: Promise<ServerSession>;
  usedAt: number;
  /** Undefined while the session opens. */
  opened: ServerSession | undefined;
}

/**
 * One session per client, opened by its first call. Nothing tells when a client has gone, so a session that was idle
 * for half an hour is closed when the next one opens, and at the limit the one that was idle longest.
 */
export class SessionPool {
  readonly #entries = new Map<string, Entry>();
  readonly #clock: Clock;
  readonly #log: Logger;

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  /** The session of this key, opened by `open` where there is none. @throws SW_OVERLOADED, and what `open` throws */
  get(key: string, open: () => Promise<ServerSession>): Promise<ServerSession> {
    const known = this.#entries.get(key);
    if (known) {
      known.usedAt = this.#clock.now();
      // The order of the map is the order of use.
      this.#entries.delete(key);
      this.#entries.set(key, known);
      return known.session;
    }
    this.#makeRoom();
    const session = open();
    const entry: Entry = { session, usedAt: this.#clock.now(), opened: undefined };
    this.#entries.set(key, entry);
    session.then(
      (opened) => (entry.opened = opened),
      () => {
        if (this.#entries.get(key) === entry) this.#entries.delete(key);
      },
    );
    return session;
  }

  /** The session of this key, where there is one. */
  peek(key: string): Promise<ServerSession> | undefined {
    return this.#entries.get(key)?.session;
  }

  /** Drops a session that has ended by itself. */
  forget(key: string, session: ServerSession): void {
    if (this.#entries.get(key)?.opened === session) this.#entries.delete(key);
  }

  async close(): Promise<void> {
    const sessions = [...this.#entries.values()];
    this.#entries.clear();
    await Promise.all(sessions.map(({ session }) => this.#close(session)));
  }

  #makeRoom(): void {
    const idleSince = this.#clock.now() - idleTimeoutMs;
    for (const [key, { session, usedAt, opened }] of this.#entries) {
      if (usedAt > idleSince && this.#entries.size < maxSessions) return;
      if (!opened?.idle) continue;
      this.#entries.delete(key);
      void this.#close(session);
    }
    if (this.#entries.size >= maxSessions)
      throw fail('SW_OVERLOADED', { reason: `${maxSessions} sessions have calls in flight` });
  }

  async #close(session: Promise<ServerSession>): Promise<void> {
    try {
      await (await session).close();
    } catch (thrown) {
      this.#log.warn({ err: thrown }, 'session of an SDK server did not close cleanly');
    }
  }
}
