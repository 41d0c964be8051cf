import { CallScope, type Principal } from '#kernel/context/index.js';
import { fail } from '#kernel/errors/index.js';
import { isObject, PeerError, type RpcResponse } from '../jsonrpc/index.js';
import {
  canBeAsked,
  capabilityOf,
  passesLogLevel,
  type ClientFacts,
  type JsonObject,
  type ListenFilter,
  type LogLevel,
  type ModelNotification,
  type SessionRef,
} from '../model/index.js';
import { encodeNotification, encodeRequest, type Pieces } from './encode.js';
import type { Handler, Listening, Route } from './handler.js';
import { maxResourceSubscriptions } from './listen-filter.js';
import type { SessionFacts } from './session-token.js';

/** Questions of servers that one session may have open: a server that floods would fill our memory and its client. */
const maxQuestions = 100;
/** Milliseconds that a question outside of any call may wait: no call ends it. */
const asideMs = 120_000;

/**
 * What a legacy session has beyond its token: questions waiting for an answer, the log level, subscriptions. Made
 * when the first of these is needed; a session that only calls tools never has one.
 */
export class LiveSession {
  readonly facts: SessionFacts;
  readonly principal: Principal;
  readonly #handler: Handler;
  /** Writes to the stream that belongs to no call. */
  readonly #send: (pieces: Pieces) => void;
  /** True while somebody reads that stream. */
  readonly #isHeard: () => boolean;
  readonly #asks = new Map<number, Ask>();
  readonly #uris = new Set<string>();
  #nextAskId = 1;
  #logLevel: LogLevel | undefined;
  #listening: Listening | undefined;
  #closed = false;

  constructor(
    facts: SessionFacts,
    principal: Principal,
    handler: Handler,
    send: (pieces: Pieces) => void,
    isHeard: () => boolean,
  ) {
    this.facts = facts;
    this.principal = principal;
    this.#handler = handler;
    this.#send = send;
    this.#isHeard = isHeard;
  }

  get client(): ClientFacts {
    return { ...clientOf(this.facts), logLevel: this.#logLevel };
  }

  /** The session as the layers above see it. */
  get ref(): SessionRef {
    return { key: this.facts.key, ask: this.askAside };
  }

  /** False for a log message below the level that the client set; before it sets one the server decides. */
  passes(notification: ModelNotification): boolean {
    return this.#logLevel === undefined || passesLogLevel(notification, this.#logLevel);
  }

  /** True while a question waits for its answer. */
  get waiting(): boolean {
    return this.#asks.size > 0;
  }

  /**
   * Asks the client through `send` (the call's own stream) and waits for its answer, or for the end of the call. What
   * the client did not declare is refused as the client would: an upstream session may serve clients that did.
   */
  ask(scope: CallScope, method: string, params: JsonObject, send: (pieces: Pieces) => void): Promise<JsonObject> {
    const needed = capabilityOf(method);
    if (needed !== undefined && !canBeAsked(this.client.capabilities, { method, params }))
      return Promise.reject(new PeerError({ code: -32601, message: `The client did not declare ${needed}.` }));
    if (this.#asks.size >= maxQuestions)
      return Promise.reject(fail('SW_OVERLOADED', { reason: `${maxQuestions} questions to the client are open` }));
    const id = this.#nextAskId++;
    return new Promise((resolve, reject) => {
      const stop = scope.onCancel(() => {
        this.#asks.delete(id);
        reject(fail('SW_CANCELLED'));
      });
      this.#asks.set(id, {
        scope,
        resolve: (result) => {
          stop();
          resolve(result);
        },
        reject: (error) => {
          stop();
          reject(error);
        },
      });
      send([encodeRequest(id, method, params)]);
    });
  }

  /** Asks what belongs to no call, on the stream that belongs to none. */
  readonly askAside = (method: string, params: JsonObject): Promise<JsonObject> => {
    if (!this.#isHeard()) return Promise.reject(unheard());
    const scope = new CallScope('aside', this.principal, performance.now());
    const timer = setTimeout(() => scope.cancel('deadline'), asideMs).unref();
    return this.ask(scope, method, params, this.#send).finally(() => clearTimeout(timer));
  };

  /** Forgets the questions of a call that has ended: nobody waits for their answers. */
  release(scope: CallScope): void {
    for (const [id, ask] of this.#asks) if (ask.scope === scope) this.#asks.delete(id);
  }

  /** Takes the client's answer to a question; one that nobody asked is ignored. */
  answer(response: RpcResponse): void {
    const id = response.id;
    const ask = typeof id === 'number' ? this.#asks.get(id) : undefined;
    if (!ask || typeof id !== 'number') return;
    this.#asks.delete(id);
    if ('result' in response) ask.resolve(response.result);
    else ask.reject(new PeerError(response.error));
  }

  async setLogLevel(level: LogLevel): Promise<void> {
    this.#logLevel = level;
    if (this.#listening) await this.#relisten();
  }

  /** @throws SW_RESOURCE_UNKNOWN where no provider accepts the URI; SW_PARAMS_INVALID beyond the limit */
  async watch(uri: string): Promise<void> {
    const isNew = !this.#uris.has(uri);
    if (isNew && this.#uris.size >= maxResourceSubscriptions)
      throw fail('SW_PARAMS_INVALID', { reason: `at most ${maxResourceSubscriptions} resources can be subscribed` });
    this.#uris.add(uri);
    const honoured = await this.#relisten();
    if (honoured.resourceSubscriptions?.includes(uri)) return;
    if (isNew) this.#uris.delete(uri);
    throw fail('SW_RESOURCE_UNKNOWN', { uri });
  }

  async unwatch(uri: string): Promise<void> {
    if (this.#uris.delete(uri)) await this.#relisten();
  }

  /** Begins to relay list changes, for a client that has opened its stream. */
  async listen(): Promise<void> {
    if (!this.#listening) await this.#relisten();
  }

  /** Ends everything; questions that wait are rejected. */
  close(): void {
    this.#closed = true;
    this.#listening?.close();
    this.#listening = undefined;
    for (const { reject } of this.#asks.values()) reject(fail('SW_SESSION_UNKNOWN'));
    this.#asks.clear();
  }

  /** The new set of interests is open before the old one closes, so that nothing falls between. */
  async #relisten(): Promise<ListenFilter> {
    const old = this.#listening;
    const route: Route = { provider: this.facts.provider };
    const listening = this.#handler.listen({
      client: this.client,
      route,
      principal: this.principal,
      session: this.ref,
      filter: {
        toolsListChanged: true,
        promptsListChanged: true,
        resourcesListChanged: true,
        resourceSubscriptions: [...this.#uris],
        logLevel: this.#logLevel,
      },
      notify: (notification) => {
        // A URI that is no longer watched may still have an update on its way.
        const { uri } = notification.params;
        if (
          notification.method === 'notifications/resources/updated' &&
          typeof uri === 'string' &&
          !this.#uris.has(uri)
        )
          return;
        this.#send([encodeNotification(notification)]);
      },
    });
    this.#listening = listening;
    try {
      return await listening.acknowledged;
    } finally {
      // Also where the new one failed: it still relays what it could open, and two would tell everything twice.
      old?.close();
      if (this.#closed) listening.close();
    }
  }
}

/** The refusal of a question that belongs to no call, where the client keeps no stream for such. */
export const unheard = () => new PeerError({ code: -32601, message: 'The client has no stream open to be asked on.' });

/** A question that waits for its answer. */
interface Ask {
  readonly scope: CallScope;
  readonly resolve: (result: JsonObject) => void;
  readonly reject: (error: Error) => void;
}

/** What the client said at initialize, for the layers above. */
export const clientOf = (facts: SessionFacts): ClientFacts => ({
  family: 'legacy',
  revision: facts.revision,
  info: facts.info,
  capabilities: isObject(facts.capabilities) ? facts.capabilities : {},
});
