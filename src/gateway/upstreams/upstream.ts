import { reasonOf, SeaworthyError } from '#kernel/errors/index.js';
import { backoff, type Backoff } from '#kernel/time/index.js';
import { PeerError, type RawResult } from '#protocol/jsonrpc/index.js';
import {
  latestModern,
  type ClientFacts,
  type Family,
  type JsonObject,
  type ModelNotification,
  type ModelResult,
} from '#protocol/model/index.js';
import { legacy, modern } from '#protocol/revisions/index.js';
import type {
  Provider,
  ProviderCall,
  ProviderEvent,
  ProviderHealth,
  ProviderInterest,
  ProviderSnapshot,
  ProviderSubscription,
} from '../catalog/index.js';
import { upstreamContext, type UpstreamConfig, type UpstreamContext, type UpstreamDeps } from './config.js';
import type { Dialer, ModernConnection, SessionOwner } from './dialer.js';
import { HttpDialer } from './http-dialer.js';
import { LegacyCalls } from './legacy-calls.js';
import { LegacyInterests } from './legacy-interests.js';
import { changedLists, readSnapshot } from './lists.js';
import { ModernCalls } from './modern-calls.js';
import { ModernListen } from './modern-listen.js';
import { within } from './own-request.js';
import { StdioDialer } from './stdio-dialer.js';

type ListKind = 'tools' | 'prompts' | 'resources';

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
  readonly #modernCalls: ModernCalls;
  readonly #legacyCalls: LegacyCalls;
  readonly #listen: ModernListen;
  readonly #interests: LegacyInterests;
  readonly #own: SessionOwner;
  readonly #retries: Backoff;
  readonly #listeners = new Set<(event: ProviderEvent) => void>();
  #snapshot: ProviderSnapshot | undefined;
  #refreshing: Promise<ProviderSnapshot> | undefined;
  #refreshFailure: string | undefined;
  /** Why the last call did not reach the server. */
  #callFailure: string | undefined;
  /** Lists that the server said have changed and that were not read since. */
  #announced = new Set<ListKind>();
  #watchesOwn = false;
  #inFlight = 0;
  #idle: (() => void)[] = [];
  #state: 'new' | 'running' | 'draining' | 'stopped' = 'new';

  constructor(config: UpstreamConfig, context: UpstreamContext) {
    this.id = context.id;
    this.#context = context;
    const client: ClientFacts = {
      family: 'modern',
      revision: latestModern,
      info: context.self,
      capabilities: legacy.everyClientCapability,
    };
    this.#retries = backoff({ minMs: 1_000, maxMs: 60_000 }, context.clock);
    this.#own = { key: 'own', sessionKey: undefined, info: context.self, capabilities: legacy.everyClientCapability };
    this.#dialer = this.#dial(config, client);
    this.kind = this.#dialer.kind;
    this.#modernCalls = new ModernCalls(
      () => this.#dialer.modern(),
      () => this.refresh(),
    );
    this.#legacyCalls = new LegacyCalls((owner) => this.#dialer.legacy(owner), context);
    this.#interests = new LegacyInterests(context, (owner) => this.#dialer.legacy(owner));
    this.#listen = new ModernListen({
      context,
      client,
      connect: () => this.#dialer.modern(),
      onNotification: (notification) => this.#notified(notification, undefined),
      onReopened: () => void this.#refreshQuietly(),
    });
  }

  async start(): Promise<void> {
    if (this.#state === 'new') this.#state = 'running';
    await this.#refreshQuietly();
    if (!this.#snapshot) this.#tryAgainLater();
  }

  snapshot(): ProviderSnapshot | undefined {
    return this.#snapshot;
  }

  refresh(): Promise<ProviderSnapshot> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
      if (this.#announced.size > 0 && this.#refreshFailure === undefined) void this.#refreshQuietly();
    });
    return this.#refreshing;
  }

  async invoke(call: ProviderCall): Promise<ModelResult> {
    if (this.#state === 'draining' || this.#state === 'stopped')
      throw this.#context.faults.unavailable('it is shutting down');
    this.#inFlight++;
    try {
      const result = await this.#route(call);
      this.#callFailure = undefined;
      return result;
    } catch (thrown) {
      if (isUnreachable(thrown)) this.#callFailure = reasonOf(thrown);
      throw thrown;
    } finally {
      if (--this.#inFlight === 0) for (const done of this.#idle.splice(0)) done();
    }
  }

  subscribe(interest: ProviderInterest): ProviderSubscription {
    const delays = backoff({ minMs: 1_000, maxMs: 60_000 }, this.#context.clock);
    let closed = false;
    let remove: (() => void) | undefined;
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
        closed = true;
        remove?.();
        remove = undefined;
      },
    };
  }

  onEvent(listener: (event: ProviderEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  health(): ProviderHealth {
    const { modern: speaksModern, legacy: speaksLegacy } = this.#dialer.families;
    const families: Family[] = [];
    if (speaksModern) families.push('modern');
    if (speaksLegacy) families.push('legacy');
    const details: JsonObject = { families, kind: this.kind, inFlight: this.#inFlight };
    if (this.#snapshot) details['snapshotAgeMs'] = this.#context.clock.now() - this.#snapshot.at;
    const failure = this.#callFailure ?? this.#refreshFailure;
    if (!this.#snapshot) return { status: 'unhealthy', message: failure ?? 'It has not been reached yet.', details };
    if (failure !== undefined) return { status: 'degraded', message: failure, details };
    return { status: 'healthy', message: 'It answers.', details };
  }

  async drain(): Promise<void> {
    if (this.#state !== 'stopped') this.#state = 'draining';
    if (this.#inFlight > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  async stop(): Promise<void> {
    this.#state = 'stopped';
    this.#listen.stop();
    this.#interests.stop();
    await this.#dialer.stop();
    this.#context.metrics?.upstreamUp.set({ provider: this.id }, 0);
  }

  #dial(config: UpstreamConfig, client: ClientFacts): Dialer {
    const notified = (notification: ModelNotification, key: string | undefined) => this.#notified(notification, key);
    if ('command' in config)
      return new StdioDialer(config, this.#context, client, notified, (family, reason) => {
        this.#callFailure = reason;
        if (family === 'legacy') this.#sessionsLost(() => true);
      });
    return new HttpDialer(config, this.#context, client, notified, (key) =>
      this.#sessionsLost((other) => other === key),
    );
  }

  /** The caller's family where the server speaks it, else the other one. */
  async #route(call: ProviderCall): Promise<RawResult> {
    if (call.client.family === 'modern')
      return (await this.#modernCalls.invoke(call)) ?? (await this.#legacyCalls.invoke(call)) ?? this.#speechless();
    return (await this.#legacyCalls.invoke(call)) ?? (await this.#modernCalls.invoke(call)) ?? this.#speechless();
  }

  #speechless(): never {
    throw this.#context.faults.protocol('it speaks no family that we know');
  }

  async #subscribe({ resources, logLevel, session, principalId, client }: ProviderInterest) {
    const owner: SessionOwner = session
      ? this.#legacyCalls.ownerOf(session, client)
      : { ...this.#own, key: `principal:${principalId}`, capabilities: {} };
    const connection = session ? undefined : await this.#dialer.modern();
    if (!connection && (await this.#dialer.legacy(owner))) {
      const accepted = await this.#interests.add(owner, resources, logLevel);
      return { accepted, remove: () => this.#interests.remove(owner, resources) };
    }
    const accepted = await this.#listen.add(resources);
    return { accepted, remove: () => this.#listen.remove(resources) };
  }

  async #refresh(): Promise<ProviderSnapshot> {
    const announced = this.#announced;
    this.#announced = new Set();
    try {
      const snapshot = await this.#read();
      const changed = changedLists(this.#snapshot, snapshot);
      this.#snapshot = snapshot;
      this.#refreshFailure = undefined;
      this.#callFailure = undefined;
      this.#retries.succeeded();
      this.#modernCalls.learn(snapshot.tools);
      this.#context.metrics?.upstreamUp.set({ provider: this.id }, 1);
      const lists = [...new Set([...changed, ...announced])];
      if (lists.length > 0) this.#emit({ kind: 'snapshot', lists });
      return snapshot;
    } catch (thrown) {
      for (const list of announced) this.#announced.add(list);
      this.#refreshFailure = reasonOf(thrown);
      this.#context.metrics?.upstreamUp.set({ provider: this.id }, 0);
      throw thrown instanceof SeaworthyError ? thrown : this.#context.faults.protocol(reasonOf(thrown), thrown);
    }
  }

  async #read(): Promise<ProviderSnapshot> {
    this.#dialer.recheck('old');
    const connection = await this.#dialer.modern();
    if (!connection) return this.#readLegacy();
    try {
      return await this.#readModern(connection);
    } catch (thrown) {
      if (!(thrown instanceof PeerError)) throw thrown;
      // It was modern once: perhaps an older server stands there now.
      this.#dialer.recheck('wrong');
      if (await this.#dialer.modern()) throw thrown;
      return this.#readLegacy();
    }
  }

  async #readModern(connection: ModernConnection): Promise<ProviderSnapshot> {
    const { listTimeoutMs } = this.#context;
    const snapshot = await readSnapshot(
      this.#context,
      'modern',
      connection.facts,
      (method, params) =>
        within(this.#context, listTimeoutMs, (scope) => this.#modernCalls.own(connection, { method, params }, scope)),
      this.#snapshot,
    );
    this.#listen.start();
    return connection.mirrorsHeaders ? this.#withoutUnmirrorable(snapshot) : snapshot;
  }

  async #readLegacy(): Promise<ProviderSnapshot> {
    const { listTimeoutMs } = this.#context;
    const facts = (await this.#dialer.legacy(this.#own))?.facts ?? this.#speechless();
    this.#watchOwn(facts.capabilities);
    return readSnapshot(
      this.#context,
      'legacy',
      facts,
      (method, params) =>
        within(this.#context, listTimeoutMs, (scope) => this.#legacyCalls.own(this.#own, { method, params }, scope)),
      this.#snapshot,
    );
  }

  /** The listing session gets a stream for as long as we run, where the server announces changes of lists. */
  #watchOwn(capabilities: JsonObject): void {
    const announces = Object.values(capabilities).some(
      (capability) =>
        typeof capability === 'object' &&
        capability !== null &&
        'listChanged' in capability &&
        capability.listChanged === true,
    );
    if (!announces || this.#watchesOwn) return;
    this.#watchesOwn = true;
    this.#interests.add(this.#own, [], undefined).catch((thrown: unknown) => {
      this.#watchesOwn = false;
      this.#context.logger.debug({ err: thrown }, 'the listing session could not be watched');
    });
  }

  /** HTTP clients must not offer tools whose header annotations break the rules. */
  #withoutUnmirrorable(snapshot: ProviderSnapshot): ProviderSnapshot {
    const tools = snapshot.tools.filter((tool) => {
      const scanned = modern.readParamHeaders(tool.inputSchema);
      if (!scanned.valid) this.#context.logger.warn({ tool: tool.name, reason: scanned.reason }, 'a tool is left out');
      return scanned.valid;
    });
    return tools.length === snapshot.tools.length
      ? snapshot
      : Object.freeze({ ...snapshot, tools: Object.freeze(tools) });
  }

  async #refreshQuietly(): Promise<void> {
    if (this.#state === 'stopped') return;
    try {
      await this.refresh();
    } catch (thrown) {
      this.#context.logger.warn({ err: thrown }, 'the lists of the upstream could not be read');
    }
  }

  /** Until there is something to offer nobody calls, so nobody would wake the upstream up. */
  #tryAgainLater(): void {
    this.#context.clock.after(
      this.#retries.next(),
      () => {
        if (this.#snapshot || this.#state !== 'running') return;
        void this.#refreshQuietly().then(() => this.#snapshot ?? this.#tryAgainLater());
      },
      { unref: true },
    );
  }

  #notified(notification: ModelNotification, sessionKey: string | undefined): void {
    const { method, params } = notification;
    const onSession = sessionKey === undefined ? {} : { sessionKey };
    const list = /^notifications\/(tools|prompts|resources)\/list_changed$/.exec(method)?.[1] as ListKind | undefined;
    if (list) {
      this.#announced.add(list);
      void this.#refreshQuietly();
    } else if (method === 'notifications/resources/updated')
      this.#emit({ kind: 'resource-updated', uri: String(params['uri']), params, ...onSession });
    else this.#emit({ kind: 'notification', notification, ...onSession });
  }

  #sessionsLost(matches: (key: string) => boolean): void {
    this.#interests.lost(matches, () => void this.#refreshQuietly());
  }

  #emit(event: ProviderEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

const isUnreachable = (thrown: unknown): boolean =>
  thrown instanceof SeaworthyError && (thrown.code === 'SW_UPSTREAM_UNAVAILABLE' || thrown.code === 'SW_UPSTREAM_LOST');
