import { randomInt } from 'node:crypto';
import type { Principal } from '#kernel/context/index.js';
import type { SessionRef } from '../model/index.js';
import type { Handler, Route } from './handler.js';
import { LiveSession, unheard } from './live-session.js';
import { ResumableStream, type ReplayLimits } from './resumable-stream.js';
import { SessionTokens, type SessionFacts, type SessionTokenOptions } from './session-token.js';

export interface LegacySessionsOptions extends SessionTokenOptions {
  readonly replay: ReplayLimits;
  /** Streams that a session keeps for resuming, open and finished. */
  readonly maxStreamsPerSession: number;
  /** Live parts kept in memory; the one unused for longest goes first. */
  readonly maxLive: number;
  /** A live part without an open stream is forgotten after this long without use, milliseconds. */
  readonly idleMs: number;
}

/** Streams and live state of one session. */
export class LegacySession {
  readonly live: LiveSession;
  readonly standalone: ResumableStream;
  readonly #streams = new Map<number, ResumableStream>();
  readonly #options: LegacySessionsOptions;
  /** Begins anywhere, so that an event id of an earlier process or of a forgotten live part names no stream of this one. */
  #nextStreamId = randomInt(1, 100_000_000);
  /** Epoch milliseconds of the last use. */
  usedAt: number;

  constructor(facts: SessionFacts, principal: Principal, handler: Handler, options: LegacySessionsOptions) {
    this.#options = options;
    this.usedAt = options.now();
    this.standalone = new ResumableStream(this.#nextStreamId++, options.replay);
    this.live = new LiveSession(
      facts,
      principal,
      handler,
      (pieces) => this.standalone.send(pieces),
      () => this.standalone.attached,
    );
  }

  newStream(): ResumableStream {
    const stream = new ResumableStream(this.#nextStreamId++, this.#options.replay);
    this.#streams.set(stream.id, stream);
    for (const [id, old] of this.#streams) {
      if (this.#streams.size <= this.#options.maxStreamsPerSession) break;
      if (old.finished) this.#streams.delete(id);
    }
    return stream;
  }

  stream(id: number): ResumableStream | undefined {
    return id === this.standalone.id ? this.standalone : this.#streams.get(id);
  }

  /** True while forgetting the session would break something for a client that is there. */
  get busy(): boolean {
    if (this.standalone.attached || this.live.waiting) return true;
    for (const stream of this.#streams.values()) if (!stream.finished) return true;
    return false;
  }
}

/** The sessions that have more than a token, bounded in number and idle time. */
export class LegacySessions {
  readonly #tokens: SessionTokens;
  readonly #handler: Handler;
  readonly #options: LegacySessionsOptions;
  readonly #live = new Map<string, LegacySession>();
  readonly #timer: NodeJS.Timeout;

  constructor(handler: Handler, options: LegacySessionsOptions) {
    this.#tokens = new SessionTokens(options);
    this.#handler = handler;
    this.#options = options;
    this.#timer = setInterval(() => this.#sweep(), Math.max(1000, options.idleMs / 4)).unref();
  }

  /** Sessions with live state now. */
  get size(): number {
    return this.#live.size;
  }

  mint(principal: Principal, route: Route, said: Pick<SessionFacts, 'revision' | 'info' | 'capabilities'>) {
    return this.#tokens.mint(principal, route, said);
  }

  /** @throws SW_SESSION_UNKNOWN */
  open(token: string, principal: Principal, route: Route): SessionFacts {
    return this.#tokens.open(token, principal, route);
  }

  /** The live part of a session, if it has one. */
  peek(facts: SessionFacts): LegacySession | undefined {
    return this.#live.get(facts.key);
  }

  /** The session as the layers above see it; what it says is asked when it is needed. */
  refOf(facts: SessionFacts): SessionRef {
    return {
      key: facts.key,
      ask: (method, params) => this.peek(facts)?.live.askAside(method, params) ?? Promise.reject(unheard()),
    };
  }

  /** The live part of a session, made if it has none. */
  of(facts: SessionFacts, principal: Principal): LegacySession {
    const known = this.#live.get(facts.key);
    if (known) {
      known.usedAt = this.#options.now();
      return known;
    }
    if (this.#live.size >= this.#options.maxLive) this.#evict();
    const made = new LegacySession(facts, principal, this.#handler, this.#options);
    this.#live.set(facts.key, made);
    return made;
  }

  async end(token: string, facts: SessionFacts): Promise<void> {
    this.#drop(facts.key);
    await this.#tokens.revoke(token, facts);
  }

  /** Forgets the live parts of the sessions of these principals; their tokens stay what they are. */
  endOf(principalIds: ReadonlySet<string>): void {
    for (const [key, { live }] of [...this.#live]) if (principalIds.has(live.principal.id)) this.#drop(key);
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const key of [...this.#live.keys()]) this.#drop(key);
  }

  #drop(key: string): void {
    const session = this.#live.get(key);
    if (!session) return;
    this.#live.delete(key);
    session.standalone.finish();
    session.live.close();
  }

  #sweep(): void {
    const limit = this.#options.now() - this.#options.idleMs;
    for (const [key, session] of this.#live) if (session.usedAt < limit && !session.busy) this.#drop(key);
  }

  /** Makes room: the idle session unused for longest, or the oldest of all. */
  #evict(): void {
    let victim: string | undefined;
    let oldest = Infinity;
    for (const [key, session] of this.#live)
      if (session.usedAt < oldest && !session.busy) {
        oldest = session.usedAt;
        victim = key;
      }
    victim ??= this.#live.keys().next().value;
    if (victim !== undefined) this.#drop(victim);
  }
}
