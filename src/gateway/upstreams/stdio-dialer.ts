import type { CallScope } from '#kernel/context/index.js';
import type { QuestionOutcome, ServerFacts } from '#protocol/client/index.js';
import { PeerError } from '#protocol/jsonrpc/index.js';
import type { ClientFacts, Family, JsonObject } from '#protocol/model/index.js';
import type { StdioUpstreamConfig, UpstreamContext } from './config.js';
import type { Dialer, ModernConnection, OnNotification, SpokenFamilies } from './dialer.js';
import { Interactivity } from './interactivity.js';
import { LeasePool, type Lease } from './lease-pool.js';
import type { LegacySession } from './legacy-session.js';
import type { Audience, SessionOwner } from './session-owner.js';
import { SharedLease } from './shared-lease.js';
import { StdioChildren, type OpenedChild } from './stdio-children.js';
import type { StdioConnection } from './stdio-connection.js';
import { StdioSupervisor } from './stdio-supervisor.js';

export interface StdioDialerOptions {
  readonly config: StdioUpstreamConfig;
  readonly context: UpstreamContext;
  readonly client: ClientFacts;
  readonly onNotification: OnNotification;
  /** Called when a child that had answered has ended; `concerns` tells which sessions were on it. */
  readonly onLost: (child: ChildOfUsers) => void;
  /** The same when we ended it because nobody needed it. */
  readonly onReaped: (child: ChildOfUsers) => void;
  /** Called when a child has answered and calls can be made. */
  readonly onOpened: (child: ChildOfUsers) => void;
}

/** A child as its users know it: whether lists are read on it, and whose sessions are on it. */
export interface ChildOfUsers {
  readonly isListing: boolean;
  /** Why it ended; empty while it runs. */
  readonly reason: string;
  readonly concerns: (owner: SessionOwner) => boolean;
}

/**
 * Reaches a server that is our child process. Children are started on first need: one per family, and per principal or
 * session where that is configured; a few more for calls that must be alone on theirs.
 */
export class StdioDialer implements Dialer {
  readonly kind = 'stdio';
  readonly #options: StdioDialerOptions;
  readonly #supervisor: StdioSupervisor;
  readonly #children: StdioChildren;
  readonly #leases: LeasePool<SessionOwner>;
  readonly #interactivity: Interactivity;
  readonly #spoken: Record<Family, boolean | undefined> = { modern: undefined, legacy: undefined };
  #probing: Promise<void> | undefined;
  #stopped = false;

  constructor(options: StdioDialerOptions) {
    this.#options = options;
    const { config, context } = options;
    const { clock, id, idleMs, metrics } = context;
    this.#interactivity = new Interactivity(context);
    this.#children = new StdioChildren({
      clock,
      idleMs,
      isKept: (family, key) => context.startsAtBoot && this.#isListing(family, key),
      onOpened: (family, key) => options.onOpened(this.#childOf(family, key, '')),
      onReaped: (family, key, reason) => {
        metrics?.children.stops.inc({ provider: id, reason });
        options.onReaped(this.#childOf(family, key, reason));
      },
    });
    this.#leases = new LeasePool({
      max: context.interactivePool,
      idleMs,
      clock,
      keyOf: (owner) => this.#keyOf(owner),
      open: () => this.#openLeased(),
      onRefused: () => metrics?.children.refusals.inc({ provider: id, limit: 'leases' }),
    });
    this.#supervisor = new StdioSupervisor(
      config,
      context,
      () => this.#children.evictIdle() ?? this.#leases.evictIdle(),
    );
  }

  get families(): SpokenFamilies {
    return { ...this.#spoken };
  }

  modern(user: Audience = ourselves): Promise<ModernConnection | undefined> {
    return this.#ensure('modern', user).then((opened) => opened?.modern);
  }

  legacy(owner: SessionOwner): Promise<LegacySession | undefined> {
    return this.#ensure('legacy', owner).then((opened) => opened?.legacy);
  }

  /** A child that one session has for itself asks that session's client, whichever call it is about. */
  needsLease({ sessionKey }: SessionOwner): boolean {
    if (this.#options.context.sharing === 'per-session' && sessionKey !== undefined) return false;
    return this.#interactivity.known;
  }

  async lease(owner: SessionOwner, scope: CallScope): Promise<Lease | undefined> {
    const opened = await this.#ensure('legacy', owner);
    if (!opened?.legacy) return undefined;
    return opened.lending.take(opened.legacy, opened.connection) ?? this.#leases.take(owner, scope);
  }

  /** A program does not change under us without a restart, and a restart keeps its family. */
  recheck(): void {}

  /** A child that one session had for itself ends with it; any other goes on. */
  ownerGone(key: string): void {
    if (this.#options.context.sharing === 'per-session') this.#children.end(key);
  }

  details(): JsonObject {
    const { leased, waiting } = this.#leases;
    return { ...this.#supervisor.details(), ...this.#interactivity.details(), leased, waiting };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#children.stop();
    await Promise.all([this.#leases.close(), this.#supervisor.stop()]);
  }

  #keyOf({ principalId, sessionKey }: Audience): string {
    const { sharing } = this.#options.context;
    if (sharing === 'shared') return 'shared';
    if (sharing === 'per-session' && sessionKey !== undefined) return `session:${sessionKey}`;
    return principalId === undefined ? 'own' : `principal:${principalId}`;
  }

  #isListing(family: Family, key: string): boolean {
    return key === this.#keyOf(ourselves) && family === (this.#spoken.modern ? 'modern' : 'legacy');
  }

  #childOf(family: Family, key: string, reason: string): ChildOfUsers {
    return {
      reason,
      isListing: this.#isListing(family, key),
      concerns: (owner) => family === 'legacy' && this.#keyOf(owner) === key,
    };
  }

  async #ensure(family: Family, user: Audience): Promise<OpenedChild | undefined> {
    const key = this.#keyOf(user);
    const known = this.#children.get(family, key);
    if (known) return known;
    if (this.#spoken[family] === false) return undefined;
    if (this.#spoken.modern !== undefined)
      return this.#children.keep(
        family,
        key,
        this.#supervisor.attempt(family, () => this.#open(family, user)),
      );
    this.#probing ??= this.#supervisor
      .attempt('legacy', () => this.#probe(user))
      .finally(() => (this.#probing = undefined));
    await this.#probing;
    return this.#ensure(family, user);
  }

  /** Finds out the families: the child that answered is kept for the user who asked first. */
  async #probe(user: Audience): Promise<void> {
    const key = this.#keyOf(user);
    const keep = async (family: Family, opening: Promise<OpenedChild | undefined>) => {
      await this.#children.keep(family, key, opening);
    };
    const connection = await this.#start('legacy', user);
    const answer = await connection.probe(this.#options.client);
    if (answer && !('facts' in answer)) {
      this.#spoken.modern = true;
      if (!connection.initialized) {
        await keep('modern', Promise.resolve(this.#opened('modern', connection, answer)));
        return;
      }
      // It was slow to start and has both questions: the second one bound this pipe to the legacy family.
      await connection.stop();
      await keep('modern', this.#open('modern', user));
      return;
    }
    if (answer) await keep('legacy', Promise.resolve(this.#opened('legacy', connection, answer)));
    else {
      // Some servers do not survive a request before initialize.
      await connection.stop();
      await keep('legacy', this.#open('legacy', user));
    }
    this.#spoken.modern = false;
  }

  async #open(family: Family, user: Audience): Promise<OpenedChild | undefined> {
    const connection = await this.#start(family, user);
    try {
      if (family === 'legacy') return this.#opened('legacy', connection, await connection.initialize());
      const facts = await connection.discover(this.#options.client);
      if (facts !== 'legacy') return this.#opened('modern', connection, facts);
      throw this.#options.context.faults.protocol('it does not answer server/discover any more');
    } catch (thrown) {
      await connection.stop();
      if (family === 'legacy' && this.#spoken.modern && thrown instanceof PeerError) {
        this.#spoken.legacy = false;
        return undefined;
      }
      throw this.#supervisor.failed(family, connection, thrown);
    }
  }

  /** A child for one call at a time: what it says outside of calls, the one that lists are read on says too. */
  async #openLeased(): Promise<LegacySession> {
    return this.#supervisor.attempt('legacy', async () => {
      const connection = await this.#supervisor.start('legacy', {
        onNotification: () => {},
        onQuestion: () => {},
      });
      try {
        const session = await connection.initialize();
        this.#supervisor.opened('legacy');
        connection.onEnd = () => {
          if (!session.closed) this.#supervisor.ended('legacy', connection);
          session.lost();
        };
        return session;
      } catch (thrown) {
        await connection.stop();
        throw this.#supervisor.failed('legacy', connection, thrown);
      }
    });
  }

  #start(family: Family, user: Audience): Promise<StdioConnection> {
    const key = this.#keyOf(user);
    const audience: Audience = key === 'shared' ? ourselves : { ...user };
    return this.#supervisor.start(family, {
      onNotification: (notification) => this.#options.onNotification(notification, audience),
      onQuestion: (outcome: QuestionOutcome) => this.#interactivity.learn(outcome),
      ask: key === `session:${user.sessionKey ?? ''}` ? user.ask : undefined,
    });
  }

  #opened(family: Family, connection: StdioConnection, what: ServerFacts | LegacySession): OpenedChild {
    this.#spoken[family] = true;
    this.#supervisor.opened(family);
    const session = 'facts' in what ? what : undefined;
    connection.onEnd = () => {
      session?.lost();
      const key = this.#children.forget(family, connection);
      if (key === undefined || this.#stopped) return;
      this.#supervisor.ended(family, connection);
      this.#options.onLost(this.#childOf(family, key, `The process ended: ${connection.endReason ?? 'it ended'}.`));
    };
    if (connection.endReason !== undefined) {
      // It ended right after its answer: whoever gets it finds it closed.
      session?.lost();
      this.#supervisor.ended(family, connection);
    }
    const lending = new SharedLease(this.#options.context.clock);
    if (session) return { connection, lending, legacy: session };
    return {
      connection,
      lending,
      modern: { facts: what as ServerFacts, peer: connection.peer, mirrorsHeaders: false },
    };
  }
}

/** The gateway itself: reads lists, and everyone may hear what it hears. */
const ourselves: Audience = {};
