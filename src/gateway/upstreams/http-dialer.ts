import type { CallScope } from '#kernel/context/index.js';
import { SeaworthyError } from '#kernel/errors/index.js';
import { HttpEndpoint, HttpPeer, HttpSession, openSseConnection, type ServerFacts } from '#protocol/client/index.js';
import { PeerError } from '#protocol/jsonrpc/index.js';
import type { ClientFacts, JsonObject, ModelRequest } from '#protocol/model/index.js';
import { modern } from '#protocol/revisions/index.js';
import type { HttpUpstreamConfig, UpstreamContext } from './config.js';
import type { Dialer, ModernConnection, OnNotification, SpokenFamilies } from './dialer.js';
import { duplexLink } from './duplex-link.js';
import { Interactivity } from './interactivity.js';
import { LeasePool, type Lease } from './lease-pool.js';
import { assumedFacts } from './modern-facts.js';
import { LegacySession, type LegacyLink } from './legacy-session.js';
import { ownScope, within } from './own-request.js';
import { SessionPool } from './session-pool.js';
import type { SessionOwner } from './session-owner.js';

/** Room for the JSON-RPC frame around a result, bytes. */
const frameBytes = 4_096;
/** Milliseconds that ending a session may take. */
const closeTimeoutMs = 2_000;
/** Milliseconds for which a server counts as legacy before it is asked again. */
const verdictMs = 3_600_000;

/** Reaches a server behind a URL. */
export class HttpDialer implements Dialer {
  readonly kind: 'http' | 'sse';
  readonly #context: UpstreamContext;
  readonly #endpoint: HttpEndpoint;
  readonly #pool: SessionPool;
  readonly #leases: LeasePool<SessionOwner>;
  readonly #interactivity: Interactivity;
  readonly #client: ClientFacts;
  readonly #onNotification: OnNotification;
  readonly #onLost: (key: string) => void;
  #modern: Promise<ModernConnection | undefined> | undefined;
  #speaksModern: boolean | undefined;
  #speaksLegacy: boolean | undefined;
  #judgedAt = 0;
  /** Legacy sessions go over HTTP+SSE. */
  #overSse: boolean;

  constructor(
    config: HttpUpstreamConfig,
    context: UpstreamContext,
    client: ClientFacts,
    onNotification: OnNotification,
    onLost: (key: string) => void,
  ) {
    this.kind = config.type ?? 'http';
    this.#overSse = config.type === 'sse';
    if (this.#overSse) this.#speaksModern = false;
    this.#context = context;
    this.#client = client;
    this.#onNotification = onNotification;
    this.#onLost = onLost;
    this.#pool = new SessionPool(context.clock, context.idleMs, context.maxSessions);
    this.#interactivity = new Interactivity(context);
    this.#leases = new LeasePool({
      max: context.interactivePool,
      idleMs: context.idleMs,
      clock: context.clock,
      keyOf: ({ key }) => key,
      open: (owner) => this.#openSse(owner, () => {}),
      onRefused: () => context.metrics?.children.refusals.inc({ provider: context.id, limit: 'leases' }),
    });
    const { connectTimeoutMs } = context;
    this.#endpoint = new HttpEndpoint({
      url: config.url,
      headers: config.headers ?? {},
      pool: context.pools.acquire(new URL(config.url).origin, {
        network: config.network ?? 'any',
        http2: config.http2 ?? 'auto',
        connectTimeoutMs,
        maxConnections: config.maxConnections ?? 128,
        keepAliveMaxMs: config.keepAliveMaxMs ?? 600_000,
        ca: config.ca,
      }),
      connectTimeoutMs,
      headersTimeoutMs: config.headersTimeoutMs ?? 0,
      idleTimeoutMs: config.idleTimeoutMs ?? 300_000,
      maxMessageBytes: context.maxResultBytes + frameBytes,
      faults: context.faults,
      clock: context.clock,
      budget: context.budget,
    });
  }

  get families(): SpokenFamilies {
    return { modern: this.#speaksModern, legacy: this.#speaksLegacy };
  }

  get sessions(): number {
    return this.#pool.size;
  }

  get judgedAt(): number | undefined {
    const { clock } = this.#context;
    return this.#speaksModern === undefined ? undefined : clock.now() - (clock.monotonic() - this.#judgedAt);
  }

  modern(): Promise<ModernConnection | undefined> {
    if (this.#speaksModern === false) return absent;
    if (!this.#modern) {
      const discovering = this.#discover();
      this.#modern = discovering;
      discovering.catch(() => {
        if (this.#modern === discovering) this.#modern = undefined;
      });
    }
    return this.#modern;
  }

  legacy(owner: SessionOwner): Promise<LegacySession | undefined> {
    if (this.#speaksLegacy === false) return absent;
    return this.#pool.get(owner.key, () => this.#open(owner));
  }

  /** Streamable HTTP names the call by its stream; over HTTP+SSE only a client's session has one to itself. */
  needsLease({ sessionKey }: SessionOwner): boolean {
    return this.#overSse && sessionKey === undefined && this.#interactivity.known;
  }

  lease(owner: SessionOwner, scope: CallScope): Promise<Lease | undefined> {
    return this.#leases.take(owner, scope);
  }

  details(): JsonObject {
    return { leased: this.#leases.leased, waiting: this.#leases.waiting, ...this.#interactivity.details() };
  }

  recheck(known: 'old' | 'wrong'): void {
    if (this.kind === 'sse' || this.#speaksModern === undefined) return;
    // A server that was upgraded still answers initialize, so only a verdict against the modern family grows old.
    const old = !this.#speaksModern && this.#context.clock.monotonic() - this.#judgedAt > verdictMs;
    if (known === 'old' && !old) return;
    this.#modern = undefined;
    this.#speaksModern = undefined;
  }

  ownerGone(key: string): void {
    this.#pool.end(key);
  }

  async stop(): Promise<void> {
    await Promise.all([this.#leases.close(), this.#pool.close()]);
    await this.#endpoint.close();
  }

  /** Asks in the modern family first; only an answer is evidence, never silence, a refused credential or a 5xx. */
  async #discover(): Promise<ModernConnection | undefined> {
    const { maxResultBytes, connectTimeoutMs } = this.#context;
    const peer = new HttpPeer(this.#endpoint, maxResultBytes, (notification) => this.#onNotification(notification, {}));
    const request: ModelRequest = modern.encodeModern({ method: 'server/discover', params: {} }, this.#client);
    const facts = await within(this.#context, connectTimeoutMs, (scope) =>
      peer
        .request({ request, scope, headers: modern.modernHeaders(request) })
        .then(modern.readDiscover, (thrown: unknown) => verdictOf(thrown)),
    );
    this.#speaksModern = facts !== undefined;
    this.#judgedAt = this.#context.clock.monotonic();
    return facts && { facts, peer, mirrorsHeaders: true };
  }

  async #open(owner: SessionOwner): Promise<LegacySession | undefined> {
    try {
      const session = await this.#openKnown(owner);
      this.#speaksLegacy = true;
      return session;
    } catch (thrown) {
      if (!isRefusal(thrown)) throw thrown;
      // It spoke this family once: perhaps a newer server stands there now.
      if (this.#speaksLegacy) {
        this.recheck('wrong');
        if (!(await this.modern())) throw thrown;
      }
      if (!this.#speaksModern) throw this.#context.faults.protocol('it refused initialize', thrown);
      this.#speaksLegacy = false;
      return undefined;
    }
  }

  /** Streamable HTTP, or the older transport where the address does not know that. */
  async #openKnown(owner: SessionOwner): Promise<LegacySession> {
    if (this.#overSse) return this.#openSse(owner, this.#onLost);
    try {
      return await this.#openStreamable(owner);
    } catch (thrown) {
      if (this.#speaksLegacy || this.#speaksModern || !suggestsSse(thrown)) throw thrown;
      const session = await this.#openSse(owner, this.#onLost).catch(() => {
        throw thrown;
      });
      this.#overSse = true;
      return session;
    }
  }

  async #openStreamable(owner: SessionOwner): Promise<LegacySession> {
    const { maxResultBytes, clock } = this.#context;
    const session = new HttpSession({
      endpoint: this.#endpoint,
      maxResultBytes,
      unattributed: (notification) => this.#onNotification(notification, owner),
      ask: owner.ask,
      onGone: () => {
        opened.lost();
        this.#onLost(owner.key);
      },
    });
    const link: LegacyLink = {
      get inFlight() {
        return session.inFlight;
      },
      request: (call) => session.request(call),
      notified: (method, params) => session.notified(method, params),
      speak: (facts: ServerFacts) => session.speak(facts.revision),
      watch: () => session.watch(),
      close: async () => {
        const scope = ownScope();
        const timer = clock.after(closeTimeoutMs, () => scope.cancel('deadline'));
        await session.close(scope);
        timer.cancel();
      },
    };
    // The stream that can end the session is opened after this.
    const opened = await LegacySession.open(link, owner, this.#context);
    return opened;
  }

  async #openSse(owner: SessionOwner, onLost: (key: string) => void): Promise<LegacySession> {
    const { clock, faults, logger, connectTimeoutMs, maxResultBytes } = this.#context;
    let opened: LegacySession | undefined;
    const connection = await openSseConnection({
      endpoint: this.#endpoint,
      connectTimeoutMs,
      faults,
      clock,
      maxResultBytes,
      onQuestion: (outcome) => this.#interactivity.learn(outcome),
      unattributed: (notification) => this.#onNotification(notification, owner),
      ask: owner.ask,
      onGarbage: (reason) => logger.warn({ reason }, 'the upstream sent something that is no message'),
      onClose: () => {
        opened?.lost();
        if (opened) onLost(owner.key);
      },
    });
    const link = duplexLink(connection.peer, async () => connection.close());
    try {
      opened = await LegacySession.open(link, owner, this.#context);
      return opened;
    } catch (thrown) {
      connection.close();
      throw thrown;
    }
  }
}

const absent = Promise.resolve(undefined);

/** What an error to `server/discover` says about the family. @throws what says nothing */
function verdictOf(thrown: unknown): ServerFacts | undefined {
  if (thrown instanceof PeerError) {
    if (thrown.status !== undefined && thrown.status >= 500) throw thrown;
    return modern.isModernError(thrown) && !modern.lacksOurRevision(thrown) ? assumedFacts : undefined;
  }
  if (thrown instanceof SeaworthyError && thrown.code === 'SW_UPSTREAM_PROTOCOL') return undefined;
  throw thrown;
}

/** An answer that says no, as opposed to no answer. */
const isRefusal = (thrown: unknown): boolean =>
  (thrown instanceof PeerError && (thrown.status ?? 0) < 500) ||
  (thrown instanceof SeaworthyError && thrown.code === 'SW_UPSTREAM_PROTOCOL');

const sseStatuses: ReadonlySet<unknown> = new Set([400, 404, 405]);
const suggestsSse = (thrown: unknown): boolean =>
  (thrown instanceof PeerError && sseStatuses.has(thrown.status)) ||
  (thrown instanceof SeaworthyError && sseStatuses.has(thrown.details['status']));
