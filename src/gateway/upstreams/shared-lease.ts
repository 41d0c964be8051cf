import type { Clock } from '#kernel/time/index.js';
import type { Lease } from './lease-pool.js';
import type { StdioConnection } from './stdio-connection.js';
import type { LegacySession } from './legacy-session.js';

/** Milliseconds for which a question may still come of a call that was given up. */
const aftermathMs = 30_000;

/**
 * The session that many share, lent to one call that can be asked while no other call is on it: the usual case of one
 * client at a time then needs no further process, and what the server remembers stays in one place. Calls that cannot
 * be asked may join; a question is held until they have ended.
 */
export class SharedLease {
  readonly #clock: Clock;
  #lent = false;
  #notBefore = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The session, unless a question on it could be of another call. */
  take(session: LegacySession, { peer }: StdioConnection): Lease | undefined {
    if (this.#lent || session.closed || peer.openCalls > 0 || this.#clock.monotonic() < this.#notBefore)
      return undefined;
    this.#lent = true;
    return {
      session,
      release: (spoiled) => {
        this.#lent = false;
        if (spoiled) this.#notBefore = this.#clock.monotonic() + aftermathMs;
      },
    };
  }
}
