import type { Peer, ServerFacts } from '#protocol/client/index.js';
import type { JsonObject, ModelNotification } from '#protocol/model/index.js';
import type { LegacySession } from './legacy-session.js';
import type { CallScope } from '#kernel/context/index.js';
import type { Lease } from './lease-pool.js';
import type { Audience, SessionOwner } from './session-owner.js';

/** A server that speaks the modern family, ready for requests. */
export interface ModernConnection {
  readonly facts: ServerFacts;
  readonly peer: Peer;
  /** True over HTTP, where requests mirror parts of the body in headers. */
  readonly mirrorsHeaders: boolean;
}

/** What the server says outside of calls, and to whom. */
export type OnNotification = (notification: ModelNotification, audience: Audience) => void;

/** What is known of a family: undefined until somebody asked. */
export interface SpokenFamilies {
  readonly modern: boolean | undefined;
  readonly legacy: boolean | undefined;
}

/**
 * Reaches one server in either family and keeps what it has opened. Which families a server speaks is found out on
 * first need; a promise of undefined means that it does not speak that one.
 */
export interface Dialer {
  readonly kind: 'stdio' | 'http' | 'sse';
  readonly families: SpokenFamilies;
  /** Legacy sessions that are open, where they are kept per owner. */
  readonly sessions?: number;
  /** Epoch milliseconds of the verdict on the modern family, where it can grow old. */
  readonly judgedAt?: number | undefined;
  /** The connection for a user; without one, ours for lists. */
  modern(user?: Audience): Promise<ModernConnection | undefined>;
  legacy(owner: SessionOwner): Promise<LegacySession | undefined>;
  /** True where nobody could tell to which call a question of the server belongs, unless the call is alone. */
  needsLease(owner: SessionOwner): boolean;
  /** A session for one call alone. @throws SW_OVERLOADED, SW_CANCELLED, SW_DEADLINE_EXCEEDED and what starting raises */
  lease(owner: SessionOwner, scope: CallScope): Promise<Lease | undefined>;
  /** Forgets the verdict on the modern family, when it is old or known to be wrong: it is asked again. */
  recheck(known: 'old' | 'wrong'): void;
  /** The owner of a legacy session has gone: the session ends, where it has one of its own. */
  ownerGone(key: string): void;
  /** What health tells of it besides the families. */
  details(): JsonObject;
  stop(): Promise<void>;
}
