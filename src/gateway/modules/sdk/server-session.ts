import type { ProviderCall } from '#gateway/catalog/index.js';
import { fail } from '#kernel/errors/index.js';
import { isObject, PeerError } from '#protocol/jsonrpc/index.js';
import {
  latestLegacy,
  type ClientFacts,
  type JsonObject,
  type LogLevel,
  type ModelNotification,
  type RequestId,
} from '#protocol/model/index.js';
import { wantsLog } from '../call.js';
import { ServerConnection, type SdkServer } from './server-connection.js';

/** What a session reports that belongs to no call. */
export interface SessionOwner {
  listChanged(list: 'tools' | 'prompts' | 'resources'): void;
  resourceUpdated(params: JsonObject): void;
  unattributed(notification: ModelNotification): void;
  closed(): void;
}

const inputMethods: readonly string[] = ['elicitation/create', 'sampling/createMessage', 'roots/list'];
const resourceNotFound = -32002;

/** One server instance for one client: the legacy handshake, then calls. What it asks goes to the client of the call. */
export class ServerSession {
  readonly #moduleId: string;
  readonly #connection: ServerConnection;
  readonly #owner: SessionOwner;
  readonly #calls = new Map<RequestId, ProviderCall>();
  /** Subscriptions by URI, counted: two listeners may share a session. */
  readonly #subscribed = new Map<string, number>();
  #initialized: JsonObject = {};
  #logLevel: LogLevel | undefined;

  constructor(moduleId: string, server: SdkServer, owner: SessionOwner) {
    this.#moduleId = moduleId;
    this.#owner = owner;
    this.#connection = new ServerConnection(moduleId, server, {
      answer: (method, params, related) => this.#answer(method, params, related),
      notified: (method, params, related) => this.#notified(method, params, related),
      closed: () => owner.closed(),
    });
  }

  /** The result of `initialize`. */
  get initialized(): JsonObject {
    return this.#initialized;
  }

  /** True while nobody waits for it or listens to it. */
  get idle(): boolean {
    return this.#calls.size === 0 && this.#subscribed.size === 0;
  }

  /** Connects and shakes hands as the client does. */
  async open(client: Pick<ClientFacts, 'info' | 'capabilities'>): Promise<void> {
    await this.#connection.open();
    // Tasks of 2025-11-25 need calls that no client of the gateway can make.
    const { tasks: _tasks, ...capabilities } = client.capabilities;
    this.#initialized = await this.#connection.request('initialize', {
      protocolVersion: latestLegacy,
      capabilities,
      clientInfo: client.info ?? { name: 'seaworthy', version: '0.0.0' },
    });
    this.#connection.notify('notifications/initialized');
  }

  /** All pages of a list; none where the server does not have it. */
  async list(method: string, member: string): Promise<JsonObject[]> {
    const items: JsonObject[] = [];
    let cursor: unknown;
    do {
      const page = await this.#connection.request(method, cursor === undefined ? {} : { cursor });
      if (Array.isArray(page[member])) items.push(...(page[member] as JsonObject[]));
      cursor = page['nextCursor'];
    } while (cursor !== undefined);
    return items;
  }

  /** Forwards a call. @throws PeerError, SW_RESOURCE_UNKNOWN, SW_CANCELLED, SW_UPSTREAM_LOST */
  async invoke(call: ProviderCall): Promise<JsonObject> {
    const { method, params } = call.request;
    await this.#followLogLevel(call.client);
    if (call.scope.cancelled) throw fail('SW_CANCELLED');
    const id = this.#connection.nextId;
    this.#calls.set(id, call);
    const forget = call.scope.onCancel(() => this.#connection.abandon(id, fail('SW_CANCELLED')));
    try {
      return await this.#connection.request(method, withOwnProgressToken(params, id));
    } catch (thrown) {
      if (thrown instanceof PeerError && thrown.error.code === resourceNotFound)
        throw fail('SW_RESOURCE_UNKNOWN', { uri: params['uri'] }, thrown);
      throw thrown;
    } finally {
      forget();
      this.#calls.delete(id);
    }
  }

  /** Subscribes to a resource; false where the server does not have it or cannot. */
  async subscribe(uri: string): Promise<boolean> {
    const accepted = await this.#ifUnderstood('resources/subscribe', { uri });
    if (accepted) this.#subscribed.set(uri, (this.#subscribed.get(uri) ?? 0) + 1);
    return accepted;
  }

  async unsubscribe(uri: string): Promise<void> {
    const left = (this.#subscribed.get(uri) ?? 0) - 1;
    if (left > 0) {
      this.#subscribed.set(uri, left);
      return;
    }
    this.#subscribed.delete(uri);
    await this.#ifUnderstood('resources/unsubscribe', { uri });
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  async #followLogLevel({ logLevel }: ClientFacts): Promise<void> {
    if (logLevel === undefined || logLevel === this.#logLevel) return;
    this.#logLevel = logLevel;
    const capabilities = this.#initialized['capabilities'];
    if (isObject(capabilities) && capabilities['logging'])
      await this.#ifUnderstood('logging/setLevel', { level: logLevel });
  }

  async #ifUnderstood(method: string, params: JsonObject): Promise<boolean> {
    try {
      await this.#connection.request(method, params);
      return true;
    } catch (thrown) {
      if (thrown instanceof PeerError) return false;
      throw thrown;
    }
  }

  /** The call that the server means: the one it names, else the only one there is. */
  #callOf(related: RequestId | undefined): ProviderCall | undefined {
    if (related !== undefined) return this.#calls.get(related);
    const [only, second] = this.#calls.values();
    return second === undefined ? only : undefined;
  }

  #answer(method: string, params: JsonObject, related: RequestId | undefined): Promise<JsonObject> {
    if (method === 'ping') return Promise.resolve({});
    if (!inputMethods.includes(method)) return Promise.reject(fail('SW_METHOD_UNKNOWN', { method }));
    const ask = this.#callOf(related)?.channel.ask;
    return ask ? ask(method, params) : Promise.reject(fail('SW_INPUT_UNAVAILABLE', { method, module: this.#moduleId }));
  }

  #notified(method: string, params: JsonObject, related: RequestId | undefined): void {
    if (method === 'notifications/progress') this.#progressed(params);
    else if (method === 'notifications/message') this.#logged({ method, params }, related);
    else if (method === 'notifications/resources/updated') this.#owner.resourceUpdated(params);
    else if (method === 'notifications/tools/list_changed') this.#owner.listChanged('tools');
    else if (method === 'notifications/prompts/list_changed') this.#owner.listChanged('prompts');
    else if (method === 'notifications/resources/list_changed') this.#owner.listChanged('resources');
    else this.#owner.unattributed({ method, params });
  }

  #progressed(params: JsonObject): void {
    const call = this.#calls.get(params['progressToken'] as RequestId);
    const meta = call?.request.params['_meta'];
    if (!call || !isObject(meta)) return;
    call.channel.notify({
      method: 'notifications/progress',
      params: { ...params, progressToken: meta['progressToken'] },
    });
  }

  #logged(notification: ModelNotification, related: RequestId | undefined): void {
    const call = this.#callOf(related);
    if (!call) this.#owner.unattributed(notification);
    else if (wantsLog(call.client, notification.params['level'] as LogLevel)) call.channel.notify(notification);
  }
}

/** Tokens of two clients may be equal: the server gets the id of the request instead. */
function withOwnProgressToken(params: JsonObject, id: number): JsonObject {
  const meta = params['_meta'];
  if (!isObject(meta) || meta['progressToken'] === undefined) return params;
  return { ...params, _meta: { ...meta, progressToken: id } };
}
