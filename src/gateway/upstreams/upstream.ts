import { fail, reasonOf, SeaworthyError } from '#kernel/errors/index.js';
import { backoff } from '#kernel/time/index.js';
import { isObject, type RawResult } from '#protocol/jsonrpc/index.js';
import {
  latestModern,
  type ClientFacts,
  type Family,
  type JsonObject,
  type ModelNotification,
  type ModelResult,
  type SessionRef,
} from '#protocol/model/index.js';
import { legacy } from '#protocol/revisions/index.js';
import type {
  ListKind,
  Provider,
  ProviderCall,
  ProviderEvent,
  ProviderHealth,
  ProviderInterest,
  ProviderSnapshot,
  ProviderSubscription,
} from '../catalog/index.js';
import { upstreamContext, type UpstreamConfig, type UpstreamContext, type UpstreamDeps } from './config.js';
import type { Dialer } from './dialer.js';
import { HttpDialer } from './http-dialer.js';
import { LegacyCalls } from './legacy-calls.js';
import { LegacyInterests } from './legacy-interests.js';
import { readLists, type ListReaderOptions } from './list-reader.js';
import { Resilience } from './resilience.js';
import { ModernCalls } from './modern-calls.js';
import { ModernListen } from './modern-listen.js';
import { SnapshotKeeper } from './snapshot-keeper.js';
import { StdioDialer } from './stdio-dialer.js';
import type { Audience, SessionOwner } from './session-owner.js';

/**
 * Makes the provider of one entry of `mcpServers`. Nothing is started or connected before `start()`.
 * `id` is the entry's name.
 */
export function createUpstream(id: string, config: UpstreamConfig, deps: UpstreamDeps): Provider {
  return new Upstream(config, upstreamContext(id, config, deps));
}

/** One MCP server behind us, in whichever families it speaks: a call goes out in the family of its caller if it can. */
class Upstream implements Provider {
  readonly id: string;
  readonly kind: Provider['kind'];
  readonly #context: UpstreamContext;
  readonly #dialer: Dialer;
  readonly #resilience: Resilience;
  readonly #modernCalls: ModernCalls;
  readonly #legacyCalls: LegacyCalls;
  readonly #listen: ModernListen;
  readonly #interests: LegacyInterests;
  readonly #snapshots: SnapshotKeeper;
  readonly #own: SessionOwner;
  readonly #listeners = new Set<(event: ProviderEvent) => void>();
  /** Why the server could not be reached the last time. */
  #failure: string | undefined;
  #available = true;
  #watchesOwn = false;
  #inFlight = 0;
  #idle: (() => void)[] = [];
  #state: 'open' | 'draining' | 'stopped' = 'open';

  constructor(config: UpstreamConfig, context: UpstreamContext) {
    this.id = context.id;
    this.#context = context;
    const client: ClientFacts = {
      family: 'modern',
      revision: latestModern,
      info: context.self,
      capabilities: legacy.everyClientCapability,
    };
    this.#own = { key: 'own', info: context.self, capabilities: legacy.everyClientCapability };
    const dialer = this.#dial(config, client);
    const connect = (owner: SessionOwner) => dialer.legacy(owner);
    this.#dialer = dialer;
    this.kind = dialer.kind;
    this.#resilience = new Resilience(context);
    this.#modernCalls = new ModernCalls({
      connect: (user) => dialer.modern(user),
      refresh: () => this.refresh(),
      recheck: () => dialer.recheck('wrong'),
      mayRetry: this.#resilience.mayRetry,
    });
    this.#legacyCalls = new LegacyCalls(dialer, context);
    this.#interests = new LegacyInterests(context, connect);
    this.#listen = new ModernListen({
      context,
      client,
      connect: () => dialer.modern(),
      onNotification: (notification) => this.#notified(notification, {}),
      onReopened: () => this.#catchUp(),
    });
    const reader = {
      context,
      dialer,
      modernCalls: this.#modernCalls,
      legacyCalls: this.#legacyCalls,
      own: this.#own,
      onModern: () => this.#listen.start(),
      onLegacy: (announces: boolean) => announces && this.#watchOwn(),
    };
    this.#snapshots = new SnapshotKeeper({
      context,
      read: (previous) => this.#read(reader, previous),
      onRead: (snapshot, lists) => this.#learned(snapshot, lists),
      onFailure: (reason) => this.#missed(reason),
    });
  }

  start(kept?: ProviderSnapshot): Promise<void> {
    if (this.#context.startsAtBoot || !kept) return this.#snapshots.refreshQuietly();
    this.#snapshots.adopt(kept);
    this.#modernCalls.learn(kept.tools);
    return Promise.resolve();
  }

  snapshot(): ProviderSnapshot | undefined {
    return this.#snapshots.current;
  }

  serves(family: Family): boolean {
    const known = this.#snapshots.current?.family;
    return this.#context.bridge || known === undefined || known === family || this.#dialer.families[family] === true;
  }

  refresh(): Promise<ProviderSnapshot> {
    return this.#snapshots.refresh();
  }

  async invoke(call: ProviderCall): Promise<ModelResult> {
    if (this.#state !== 'open') throw this.#context.faults.unavailable('it is shutting down');
    this.#resilience.enter();
    this.#inFlight++;
    try {
      const result = await this.#attempt(call);
      this.#resilience.answered();
      if (this.#failure !== undefined) this.#reached();
      return result;
    } catch (thrown) {
      this.#judge(thrown);
      throw thrown instanceof SeaworthyError && thrown.code === 'SW_UPSTREAM_LOST'
        ? fail('SW_UPSTREAM_LOST', { ...thrown.details, safeToRepeat: this.#resilience.isRepeatable(call) }, thrown)
        : thrown;
    } finally {
      if (--this.#inFlight === 0) for (const done of this.#idle.splice(0)) done();
    }
  }

  subscribe(interest: ProviderInterest): ProviderSubscription {
    const delays = backoff({ minMs: 1_000, maxMs: 60_000 }, this.#context.clock);
    let closed = false;
    let remove = () => {};
    const attempt = async (): Promise<readonly string[]> => {
      if (closed || this.#state === 'stopped') return [];
      try {
        const subscribed = await this.#subscribe(interest);
        if (closed) subscribed.remove();
        else remove = subscribed.remove;
        return subscribed.accepted;
      } catch (thrown) {
        this.#context.logger.debug({ err: thrown }, 'a subscription has to wait for the upstream');
        this.#context.clock.after(delays.next(), () => void attempt(), { unref: true });
        return [];
      }
    };
    return {
      accepted: attempt(),
      close: () => {
        if (!closed) remove();
        closed = true;
      },
    };
  }

  onEvent(listener: (event: ProviderEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  sessionEnded(session: SessionRef): void {
    this.#dialer.ownerGone(this.#legacyCalls.ownerOf(session, undefined, undefined).key);
  }

  health(): ProviderHealth {
    const spoken = this.#dialer.families;
    const snapshot = this.#snapshots.current;
    const details: JsonObject = {
      families: (['modern', 'legacy'] as const).filter((family) => spoken[family]),
      inFlight: this.#inFlight,
      circuit: this.#resilience.circuit,
      healed: this.#legacyCalls.healed,
      ...this.#dialer.details(),
    };
    const { judgedAt, sessions } = this.#dialer;
    if (sessions !== undefined) details['sessions'] = sessions;
    if (judgedAt !== undefined) details['familyJudgedAt'] = new Date(judgedAt).toISOString();
    if (snapshot) details['snapshotAgeMs'] = this.#context.clock.now() - snapshot.at;
    const failure = this.#failure ?? this.#snapshots.failure;
    if (!snapshot) return { status: 'unhealthy', message: failure ?? 'It has not been reached yet.', details };
    if (failure !== undefined) return { status: 'degraded', message: failure, details };
    return { status: 'healthy', message: 'It answers.', details };
  }

  async drain(): Promise<void> {
    if (this.#state === 'open') this.#state = 'draining';
    if (this.#inFlight > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  async stop(): Promise<void> {
    this.#state = 'stopped';
    this.#snapshots.stop();
    this.#listen.stop();
    this.#interests.stop();
    await this.#dialer.stop();
  }

  #dial(config: UpstreamConfig, client: ClientFacts): Dialer {
    const onNotification = (notification: ModelNotification, audience: Audience) =>
      this.#notified(notification, audience);
    const lost = (concerns: (owner: SessionOwner) => boolean) => this.#interests.lost(concerns, () => this.#catchUp());
    if ('url' in config)
      return new HttpDialer(config, this.#context, client, onNotification, (key) => lost((owner) => owner.key === key));
    return new StdioDialer({
      config,
      context: this.#context,
      client,
      onNotification,
      onOpened: ({ concerns, isListing }) => {
        this.#interests.renewed(concerns);
        if (isListing && !this.#context.startsAtBoot) void this.#snapshots.refreshQuietly();
      },
      onReaped: ({ concerns }) => this.#interests.detached(concerns),
      onLost: ({ concerns, isListing, reason }) => {
        if (isListing) this.#missed(reason);
        lost(concerns);
      },
    });
  }

  /** A call whose connection broke is made once more where that changes nothing, and the budget allows. */
  async #attempt(call: ProviderCall): Promise<RawResult> {
    try {
      return await this.#route(call);
    } catch (thrown) {
      const lost = thrown instanceof SeaworthyError && thrown.code === 'SW_UPSTREAM_LOST';
      if (!lost || this.#state !== 'open' || call.scope.cancelled || !this.#resilience.isRepeatable(call)) throw thrown;
      if (!this.#resilience.mayRetry()) throw thrown;
      this.#resilience.failed(thrown);
      return this.#route(call);
    }
  }

  /** A refused credential is not an outage: the server answers, and health tells what it refuses. */
  #judge(thrown: unknown): void {
    this.#resilience.failed(thrown);
    if (!(thrown instanceof SeaworthyError)) return;
    if (thrown.code === 'SW_UPSTREAM_UNAVAILABLE' || thrown.code === 'SW_UPSTREAM_LOST') {
      this.#missed(reasonOf(thrown));
      this.#snapshots.doubt();
    } else if (thrown.code === 'SW_UPSTREAM_REFUSED' || thrown.code === 'SW_UPSTREAM_REDIRECTED')
      this.#failure = reasonOf(thrown);
  }

  /** The caller's family where the server speaks it, else the other one. */
  async #route(call: ProviderCall): Promise<RawResult> {
    const [first, second] =
      call.client.family === 'modern' ? [this.#modernCalls, this.#legacyCalls] : [this.#legacyCalls, this.#modernCalls];
    const own = await first.invoke(call);
    if (!own && !this.#context.bridge) throw fail('SW_BRIDGE_OFF', { provider: this.id, family: call.client.family });
    // The last one for a server that has just turned out to be another than it was.
    const result = own ?? (await second.invoke(call)) ?? (await first.invoke(call));
    if (!result) throw this.#context.faults.protocol('it speaks no family that we know');
    return result;
  }

  /** Without a bridge it matters whether a modern server speaks the older family, too: it is asked. */
  async #read(reader: ListReaderOptions, previous: ProviderSnapshot | undefined): Promise<ProviderSnapshot> {
    const snapshot = await readLists(reader, previous);
    const unknown = snapshot.family === 'modern' && this.#dialer.families.legacy === undefined;
    if (!this.#context.bridge && unknown)
      await this.#dialer.legacy(this.#own).catch((thrown: unknown) => {
        this.#context.logger.debug({ err: thrown }, 'the server could not be asked for the older family');
      });
    return snapshot;
  }

  async #subscribe({ resources, tasks, logLevel, session, principalId, client }: ProviderInterest) {
    const owner = session
      ? this.#legacyCalls.ownerOf(session, client, principalId)
      : { ...this.#own, key: `principal:${principalId}`, principalId, capabilities: {} };
    const connection = session ? undefined : await this.#dialer.modern();
    if (!connection && (await this.#dialer.legacy(owner))) {
      const accepted = await this.#interests.add(owner, resources, logLevel);
      return { accepted, remove: () => this.#interests.remove(owner, resources) };
    }
    const accepted = await this.#listen.add(resources, tasks);
    return { accepted, remove: () => this.#listen.remove(resources, tasks) };
  }

  /** Nobody heard what the server announced in the meantime: whatever it would announce counts as changed. */
  #catchUp(): void {
    const capabilities = this.#snapshots.current?.capabilities;
    const announced = listKinds.filter((list) => announces(capabilities?.[list]));
    for (const list of announced) this.#snapshots.announce(list);
    if (announced.length === 0) void this.#snapshots.refreshQuietly();
  }

  /** The listing session gets a stream for as long as we run: the server announces changes on it. */
  #watchOwn(): void {
    if (this.#watchesOwn) return;
    this.#watchesOwn = true;
    this.#interests.add(this.#own, [], undefined).catch((thrown: unknown) => {
      this.#watchesOwn = false;
      this.#context.logger.debug({ err: thrown }, 'the listing session could not be watched');
    });
  }

  #learned(snapshot: ProviderSnapshot, lists: readonly ListKind[]): void {
    this.#modernCalls.learn(snapshot.tools);
    this.#resilience.learn(snapshot.tools);
    this.#resilience.answered();
    this.#reached();
    if (lists.length > 0) this.#emit({ kind: 'snapshot', lists });
  }

  #reached(): void {
    this.#failure = undefined;
    this.#showState();
  }

  #missed(reason: string): void {
    this.#failure = reason;
    this.#showState();
  }

  #showState(): void {
    // One that was replaced finishes its calls; the gauge and the name are those of its successor.
    if (this.#state !== 'open') return;
    const available = this.#failure === undefined && this.#snapshots.failure === undefined;
    this.#context.metrics?.upstreamUp.set({ provider: this.id }, available ? 1 : 0);
    if (available === this.#available) return;
    this.#available = available;
    this.#emit({ kind: 'availability', available });
  }

  #notified(notification: ModelNotification, { principalId, sessionKey }: Audience): void {
    const { method, params } = notification;
    const only = sessionKey !== undefined ? { sessionKey } : principalId !== undefined ? { principalId } : {};
    const list = /^notifications\/(tools|prompts|resources)\/list_changed$/.exec(method)?.[1] as ListKind | undefined;
    if (list) this.#snapshots.announce(list);
    else if (method === 'notifications/resources/updated')
      this.#emit({ kind: 'resource-updated', uri: String(params['uri']), params, ...only });
    else if (method === 'notifications/tasks') this.#emit({ kind: 'task', taskId: String(params['taskId']), params });
    else this.#emit({ kind: 'notification', notification, ...only });
  }

  #emit(event: ProviderEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

const listKinds: readonly ListKind[] = ['tools', 'prompts', 'resources'];
const announces = (capability: unknown): boolean => isObject(capability) && capability['listChanged'] === true;
