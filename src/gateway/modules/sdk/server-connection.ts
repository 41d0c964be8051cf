import { AsyncLocalStorage } from 'node:async_hooks';
import { fail, toSeaworthyError } from '#kernel/errors/index.js';
import { isObject, PeerError, toRpcError, type RpcErrorObject } from '#protocol/jsonrpc/index.js';
import type { JsonObject, RequestId } from '#protocol/model/index.js';

/** The transport that a server of the official SDK (1.x and 2.x) expects to be connected to. */
export interface SdkTransport {
  start(): Promise<void>;
  send(message: unknown, options?: { relatedRequestId?: RequestId }): Promise<void>;
  close(): Promise<void>;
  onmessage?: ((message: never, extra?: never) => void) | undefined;
  onclose?: (() => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  sessionId?: string | undefined;
}

/** What we need of `McpServer` or `Server`; told by shape, so that we depend on neither generation. */
export interface SdkServer {
  connect(transport: SdkTransport): Promise<void>;
  close(): Promise<void>;
}

/** Who hears what the server says of its own accord. `related`: the request it belongs to, where it told. */
export interface ConnectionOwner {
  answer(method: string, params: JsonObject, related: RequestId | undefined): Promise<JsonObject>;
  notified(method: string, params: JsonObject, related: RequestId | undefined): void;
  closed(): void;
}

interface Waiting {
  readonly resolve: (result: JsonObject) => void;
  readonly reject: (thrown: unknown) => void;
}

/**
 * Which request the running code answers. The SDK does not always say which call a question belongs to (2.x drops it
 * in `elicitInput`), and with several calls in flight a guess would ask the wrong one.
 */
const handling = new AsyncLocalStorage<{ readonly connection: ServerConnection; readonly id: RequestId }>();

/** JSON-RPC with a server in the same process: messages are handed over as objects, in order, and never serialised. */
export class ServerConnection {
  readonly #moduleId: string;
  readonly #server: SdkServer;
  readonly #owner: ConnectionOwner;
  readonly #transport: SdkTransport;
  readonly #waiting = new Map<RequestId, Waiting>();
  #nextId = 1;
  #closed = false;

  constructor(moduleId: string, server: SdkServer, owner: ConnectionOwner) {
    this.#moduleId = moduleId;
    this.#server = server;
    this.#owner = owner;
    this.#transport = {
      start: () => Promise.resolve(),
      send: (message, options) => {
        this.#received(message, options?.relatedRequestId ?? this.#handlingId());
        return Promise.resolve();
      },
      close: () => {
        this.#ended();
        return Promise.resolve();
      },
    };
  }

  open(): Promise<void> {
    return this.#server.connect(this.#transport);
  }

  /** The id that the next request will have, for who must name it before it is sent. */
  get nextId(): number {
    return this.#nextId;
  }

  /** Rejects with PeerError when the server answers with an error, SW_UPSTREAM_LOST when it closes first. */
  request(method: string, params: JsonObject): Promise<JsonObject> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      handling.run({ connection: this, id }, () => this.#deliver({ jsonrpc: '2.0', id, method, params }));
    });
  }

  notify(method: string, params: JsonObject = {}): void {
    this.#deliver({ jsonrpc: '2.0', method, params });
  }

  /** Gives up on a request: tells the server and rejects with `thrown`. */
  abandon(id: number, thrown: Error): void {
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    this.#waiting.delete(id);
    this.notify('notifications/cancelled', { requestId: id });
    waiting.reject(thrown);
  }

  async close(): Promise<void> {
    await this.#server.close();
    this.#ended();
  }

  #deliver(message: JsonObject): void {
    if (this.#closed || !this.#transport.onmessage) throw this.#lost();
    // Sound: the server's own handler takes any JSON-RPC message; `never` only stands for its narrower type.
    this.#transport.onmessage(message as never);
  }

  #received(message: unknown, related: RequestId | undefined): void {
    if (!isObject(message)) return;
    const { id, method, params } = message;
    const given = isObject(params) ? params : {};
    if (typeof method !== 'string') this.#settle(message);
    else if (id === undefined) this.#owner.notified(method, given, related);
    else void this.#reply(id as RequestId, this.#owner.answer(method, given, related));
  }

  #handlingId(): RequestId | undefined {
    const handled = handling.getStore();
    return handled?.connection === this ? handled.id : undefined;
  }

  #settle({ id, result, error }: JsonObject): void {
    const waiting = this.#waiting.get(id as RequestId);
    if (!waiting) return; // Answered after it was abandoned.
    this.#waiting.delete(id as RequestId);
    if (isObject(error)) waiting.reject(new PeerError(error as unknown as RpcErrorObject));
    else waiting.resolve(isObject(result) ? result : {});
  }

  async #reply(id: RequestId, answer: Promise<JsonObject>): Promise<void> {
    const message: JsonObject = { jsonrpc: '2.0', id };
    try {
      message['result'] = await answer;
    } catch (thrown) {
      message['error'] = thrown instanceof PeerError ? thrown.error : toRpcError(toSeaworthyError(thrown));
    }
    if (!this.#closed) this.#deliver(message);
  }

  #ended(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const waiting of this.#waiting.values()) waiting.reject(this.#lost());
    this.#waiting.clear();
    this.#transport.onclose?.();
    this.#owner.closed();
  }

  #lost(): Error {
    return fail('SW_UPSTREAM_LOST', { provider: this.#moduleId, reason: 'the server closed its connection' });
  }
}
