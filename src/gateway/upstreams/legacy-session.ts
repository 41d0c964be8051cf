import { SeaworthyError } from '#kernel/errors/index.js';
import type { HttpOutcome, OutboundCall, ServerFacts } from '#protocol/client/index.js';
import { isObject, PeerError } from '#protocol/jsonrpc/index.js';
import type { JsonObject, LogLevel } from '#protocol/model/index.js';
import { legacy } from '#protocol/revisions/index.js';
import type { UpstreamContext } from './config.js';
import { within } from './own-request.js';
import { SessionLogLevel } from './session-log-level.js';
import type { SessionOwner } from './session-owner.js';

/** The connection below a legacy session, whatever the transport. */
export interface LegacyLink {
  readonly inFlight: number;
  request(call: OutboundCall): Promise<HttpOutcome>;
  /** Settles when the peer can have it; never rejects. */
  notified(method: string, params: JsonObject): Promise<void>;
  /** Tells the link which revision both sides speak. */
  speak(facts: ServerFacts): void;
  /** Begins to receive what belongs to no call. */
  watch(): void;
  close(): Promise<void>;
}

/** One initialized session with a legacy server. */
export class LegacySession {
  readonly facts: ServerFacts;
  readonly #link: LegacyLink;
  readonly #context: UpstreamContext;
  /** Interests that need this session to live on. */
  pins = 0;
  readonly #subscribed = new Set<string>();
  #closed = false;
  readonly #level = new SessionLogLevel();

  private constructor(link: LegacyLink, facts: ServerFacts, context: UpstreamContext) {
    this.#link = link;
    this.#context = context;
    this.facts = facts;
  }

  /** Sends initialize and initialized. @throws SW_UPSTREAM_PROTOCOL, PeerError and what the link rejects with */
  static async open(link: LegacyLink, owner: SessionOwner, context: UpstreamContext): Promise<LegacySession> {
    const params = legacy.initializeParams(owner.info, owner.capabilities);
    const outcome = await within(context, context.connectTimeoutMs, (scope) =>
      link.request({ request: { method: 'initialize', params }, scope }),
    );
    if (outcome.kind === 'gone') throw outcome.error;
    const facts = legacy.readInitialize(outcome.result);
    if (!facts) throw context.faults.protocol('it answered initialize without a revision that we speak');
    link.speak(facts);
    await link.notified('notifications/initialized', {});
    return new LegacySession(link, facts, context);
  }

  get closed(): boolean {
    return this.#closed;
  }
  get busy(): boolean {
    return this.pins > 0 || this.#link.inFlight > 0;
  }

  /** True while a call or a resource subscription needs it; a client's open stream alone does not. */
  get needed(): boolean {
    return this.#subscribed.size > 0 || this.#link.inFlight > 0;
  }

  async request(call: OutboundCall): Promise<HttpOutcome> {
    if (call.logLevel === undefined) return this.#link.request(call);
    const release = this.#level.want(call.logLevel);
    try {
      await this.#applyLevel();
      return await this.#link.request(call);
    } finally {
      release();
    }
  }

  /** Sets the level of log messages that the session's client wants, calls or not. */
  async setLevel(level: LogLevel | undefined): Promise<void> {
    if (level !== undefined) this.#level.standing = level;
    await this.#applyLevel();
  }

  async #applyLevel(): Promise<void> {
    if (!isObject(this.facts.capabilities['logging'])) return;
    const level = this.#level.change();
    if (level !== undefined) await this.#try('logging/setLevel', { level });
  }

  /** True when the server took the subscription. */
  subscribe = async (uri: string): Promise<boolean> => {
    const taken = await this.#try('resources/subscribe', { uri });
    if (taken) this.#subscribed.add(uri);
    return taken;
  };
  unsubscribe = (uri: string): Promise<boolean> => {
    this.#subscribed.delete(uri);
    return this.#try('resources/unsubscribe', { uri });
  };

  watch(): void {
    this.#link.watch();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#link.close();
  }

  /** The peer has ended it: nothing is to be said to it any more. */
  lost(): void {
    this.#closed = true;
  }

  /** A side request whose refusal must not fail what it is done for. */
  async #try(method: string, params: JsonObject): Promise<boolean> {
    try {
      const outcome = await within(this.#context, this.#context.connectTimeoutMs, (scope) =>
        this.request({ request: { method, params }, scope }),
      );
      return outcome.kind === 'result';
    } catch (thrown) {
      if (thrown instanceof PeerError || thrown instanceof SeaworthyError) return false;
      throw thrown;
    }
  }
}
