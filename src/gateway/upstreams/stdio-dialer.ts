import { fail, reasonOf, SeaworthyError } from '#kernel/errors/index.js';
import { backoff, type Backoff } from '#kernel/time/index.js';
import { PeerError } from '#protocol/jsonrpc/index.js';
import type { ClientFacts, Family } from '#protocol/model/index.js';
import type { ServerFacts } from '#protocol/client/index.js';
import type { StdioUpstreamConfig, UpstreamContext } from './config.js';
import type { Dialer, ModernConnection, OnNotification, SpokenFamilies } from './dialer.js';
import type { LegacySession } from './legacy-session.js';
import { StdioConnection } from './stdio-connection.js';

const firstRestartMs = 1_000;
const maxRestartMs = 60_000;
/** Milliseconds that a child must have lived for its restart to be immediate. */
const stableMs = 10_000;

interface Opened {
  readonly modern?: ModernConnection;
  readonly legacy?: LegacySession;
}

/** What is kept per family: a child speaks the one that its first message had. */
interface Slot {
  opened: Promise<Opened | undefined> | undefined;
  readonly restarts: Backoff;
  /** Set once a child of this family has answered. */
  hadOne: boolean;
  /** Monotonic milliseconds before which no start is tried, and why. */
  notBefore: number;
  reason: string;
  lastStderr: readonly string[];
}

/** Reaches a server that is our child process: up to two children, one per family, each started on first need. */
export class StdioDialer implements Dialer {
  readonly kind = 'stdio';
  readonly #config: StdioUpstreamConfig;
  readonly #context: UpstreamContext;
  readonly #client: ClientFacts;
  readonly #onNotification: OnNotification;
  readonly #onLost: (family: Family, reason: string) => void;
  readonly #slots: Record<Family, Slot>;
  readonly #connections = new Set<StdioConnection>();
  readonly #spoken: Record<Family, boolean | undefined> = { modern: undefined, legacy: undefined };
  #probing: Promise<void> | undefined;
  #stopped = false;

  /** `onLost` is called when a child that had answered has ended. */
  constructor(
    config: StdioUpstreamConfig,
    context: UpstreamContext,
    client: ClientFacts,
    onNotification: OnNotification,
    onLost: (family: Family, reason: string) => void,
  ) {
    this.#config = config;
    this.#context = context;
    this.#client = client;
    this.#onNotification = onNotification;
    this.#onLost = onLost;
    this.#slots = { modern: this.#slot(), legacy: this.#slot() };
  }

  get families(): SpokenFamilies {
    return { ...this.#spoken };
  }

  modern(): Promise<ModernConnection | undefined> {
    return this.#ensure('modern').then((opened) => opened?.modern);
  }

  /** One session for all: the owner does not matter. */
  legacy(): Promise<LegacySession | undefined> {
    return this.#ensure('legacy').then((opened) => opened?.legacy);
  }

  /** A program does not change under us without a restart, and a restart keeps its family. */
  recheck(): void {}

  /** One session for all: it goes on for the others. */
  ownerGone(): void {}

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([...this.#connections].map((connection) => connection.stop()));
  }

  #slot = (): Slot => ({
    opened: undefined,
    restarts: backoff({ minMs: firstRestartMs, maxMs: maxRestartMs, resetAfterMs: stableMs }, this.#context.clock),
    hadOne: false,
    notBefore: 0,
    reason: '',
    lastStderr: [],
  });

  async #ensure(family: Family): Promise<Opened | undefined> {
    const slot = this.#slots[family];
    if (slot.opened) return slot.opened;
    if (this.#spoken[family] === false) return undefined;
    if (this.#spoken.modern !== undefined) return this.#keep(family, this.#open(family));
    this.#probing ??= this.#probe().finally(() => (this.#probing = undefined));
    await this.#probing;
    return this.#ensure(family);
  }

  #keep(family: Family, opening: Promise<Opened | undefined>): Promise<Opened | undefined> {
    const slot = this.#slots[family];
    const forget = () => {
      if (slot.opened === opening) slot.opened = undefined;
    };
    slot.opened = opening;
    opening.then((opened) => (opened ? slot.restarts.succeeded() : forget()), forget);
    return opening;
  }

  /** The first contact: one child, asked in the modern family first, settles what is known from then on. */
  async #probe(): Promise<void> {
    const connection = this.#start('legacy');
    const answer = await connection.probe(this.#client);
    if (answer && !('facts' in answer)) {
      this.#spoken.modern = true;
      if (!connection.initialized) {
        await this.#keep('modern', Promise.resolve(this.#opened('modern', connection, answer)));
        return;
      }
      // It was slow to start and has both questions: the second one bound this pipe to the legacy family.
      await connection.stop();
      await this.#keep('modern', this.#open('modern'));
      return;
    }
    if (answer) await this.#keep('legacy', Promise.resolve(this.#opened('legacy', connection, answer)));
    else {
      // Some servers do not survive a request before initialize.
      await connection.stop();
      await this.#keep('legacy', this.#open('legacy'));
    }
    this.#spoken.modern = false;
  }

  async #open(family: Family): Promise<Opened | undefined> {
    const connection = this.#start(family);
    try {
      if (family === 'legacy') return this.#opened('legacy', connection, await connection.initialize());
      const facts = await connection.discover(this.#client);
      if (facts !== 'legacy') return this.#opened('modern', connection, facts);
      throw this.#context.faults.protocol('it does not answer server/discover any more');
    } catch (thrown) {
      await connection.stop();
      if (family === 'legacy' && this.#spoken.modern && thrown instanceof PeerError) {
        this.#spoken.legacy = false;
        return undefined;
      }
      throw this.#startFailed(family, connection, thrown);
    }
  }

  #opened(family: Family, connection: StdioConnection, what: ServerFacts | LegacySession): Opened {
    const { id, metrics } = this.#context;
    const slot = this.#slots[family];
    if (slot.hadOne) metrics?.upstreamRestarts.inc({ provider: id });
    slot.hadOne = true;
    this.#spoken[family] = true;
    const session = 'facts' in what ? what : undefined;
    connection.onEnd = () => {
      session?.lost();
      this.#connections.delete(connection);
      if (!this.#stopped) this.#lost(family, connection);
    };
    if (connection.endReason !== undefined) connection.onEnd();
    if (session) return { legacy: session };
    return { modern: { facts: what as ServerFacts, peer: connection.peer, mirrorsHeaders: false } };
  }

  #lost(family: Family, connection: StdioConnection): void {
    const { clock, logger } = this.#context;
    const slot = this.#slots[family];
    slot.opened = undefined;
    const lived = clock.monotonic() - connection.startedAt;
    const reason = connection.endReason ?? 'it ended';
    if (lived < stableMs) this.#delay(slot, connection, reason);
    logger.warn({ reason, livedMs: Math.round(lived) }, 'the upstream process ended');
    this.#onLost(family, `The process ended: ${reason}.`);
  }

  /** Starts a child, unless one has just failed. @throws SW_UPSTREAM_UNAVAILABLE */
  #start(family: Family): StdioConnection {
    const { clock, faults } = this.#context;
    const slot = this.#slots[family];
    if (this.#stopped) throw faults.unavailable('it is stopped');
    if (clock.monotonic() < slot.notBefore)
      throw this.#unavailable(slot, `${slot.reason}; it waits for its next start`);
    try {
      const connection = new StdioConnection(this.#config, this.#context, (notification) =>
        this.#onNotification(notification, undefined),
      );
      this.#connections.add(connection);
      connection.onEnd = () => this.#connections.delete(connection);
      return connection;
    } catch (thrown) {
      // Node refuses some commands before it tries them (a NUL in an argument).
      throw this.#unavailable(slot, reasonOf(thrown), thrown);
    }
  }

  #startFailed(family: Family, connection: StdioConnection, thrown: unknown): SeaworthyError {
    const slot = this.#slots[family];
    const lost = thrown instanceof SeaworthyError && thrown.code === 'SW_UPSTREAM_LOST';
    const reason = lost ? (connection.endReason ?? 'it ended') : reasonOf(thrown);
    this.#delay(slot, connection, reason);
    return this.#unavailable(slot, reason, thrown);
  }

  #delay(slot: Slot, connection: StdioConnection, reason: string): void {
    slot.notBefore = this.#context.clock.monotonic() + slot.restarts.next();
    slot.reason = reason;
    slot.lastStderr = [...connection.lastStderr];
  }

  #unavailable({ lastStderr }: Slot, reason: string, cause?: unknown): SeaworthyError {
    return fail('SW_UPSTREAM_UNAVAILABLE', { provider: this.#context.id, reason, stderr: lastStderr }, cause);
  }
}
