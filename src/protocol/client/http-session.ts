import type { IncomingHttpHeaders } from 'undici/types/header.js';
import type { CallScope } from '#kernel/context/index.js';
import type { Channel, JsonObject, Revision } from '../model/index.js';
import { sendByHttp, type HttpOutcome } from './http-call.js';
import type { HttpEndpoint } from './http-endpoint.js';
import { HttpListener } from './http-listener.js';
import { readInbound } from './inbound.js';
import { answerText, notificationText, type ServerRequest } from './outbound-text.js';
import { isGlobalNotification, relay, type OutboundCall, type Unattributed } from './peer.js';

export interface HttpSessionOptions {
  readonly endpoint: HttpEndpoint;
  readonly maxResultBytes: number;
  readonly unattributed: Unattributed;
  /** Who is asked what belongs to no call, where the session is one client's. */
  readonly ask?: Channel['ask'];
  /** The peer has ended the session (404 on its stream). */
  readonly onGone: () => void;
}

/** One legacy session over Streamable HTTP (2025-03-26 … 2025-11-25). */
export class HttpSession {
  readonly #options: HttpSessionOptions;
  readonly #calls = new Set<OutboundCall>();
  #sessionId: string | undefined;
  #revision: Revision | undefined;
  #headers: string[] = [];
  #nextId = 1;
  #listener: HttpListener | undefined;

  constructor(options: HttpSessionOptions) {
    this.#options = options;
  }

  /** Requests in flight that somebody waits for. */
  get inFlight(): number {
    return this.#calls.size;
  }

  async request(call: OutboundCall): Promise<HttpOutcome> {
    if (call.channel) this.#calls.add(call);
    try {
      return await sendByHttp({
        ...this.#options,
        id: this.#nextId++,
        call,
        headers: call.headers ? [...this.#headers, ...call.headers] : this.#headers,
        session: { post: this.post, cancel: this.#cancel, headers: this.#headers },
        ...(call.request.method === 'initialize' ? { onHead: this.#rememberSession } : {}),
      });
    } finally {
      this.#calls.delete(call);
    }
  }

  /** Settles the revision that both sides speak; every later request names it. */
  speak(revision: Revision): void {
    this.#revision = revision;
    this.#setHeaders();
  }

  notify(method: string, params: JsonObject): void {
    this.post(notificationText(method, params));
  }

  /** The same, settled when the peer has taken it. Never rejects: notifications have no answer. */
  notified(method: string, params: JsonObject): Promise<void> {
    return new Promise((resolve) => this.post(notificationText(method, params), resolve));
  }

  /** Opens the stream for what belongs to no call; once. */
  watch(): void {
    this.#listener ??= new HttpListener({
      endpoint: this.#options.endpoint,
      headers: this.#headers,
      onMessage: (bytes) => this.#receive(bytes),
      onGone: this.#options.onGone,
    });
  }

  /** Ends the session at the peer, as far as it can be reached. */
  async close(scope: CallScope): Promise<void> {
    this.#listener?.close();
    if (this.#sessionId === undefined) return;
    await new Promise<void>((resolve) => {
      const done = () => resolve();
      const abort = this.#options.endpoint.delete(this.#headers, { event: () => {}, end: done, failed: done });
      scope.onCancel(() => {
        abort();
        resolve();
      });
    });
  }

  readonly post = (text: string, done: () => void = () => {}): void => {
    this.#options.endpoint.post(text, this.#headers, { event: () => {}, end: done, failed: done }, 'aside');
  };

  #cancel = (requestId: number, reason: string): void => this.notify('notifications/cancelled', { requestId, reason });

  #rememberSession = (_status: number, headers: IncomingHttpHeaders): void => {
    const id = headers['mcp-session-id'];
    if (typeof id !== 'string') return;
    this.#sessionId = id;
    this.#setHeaders();
  };

  #setHeaders(): void {
    this.#headers = [
      ...(this.#sessionId === undefined ? [] : ['mcp-session-id', this.#sessionId]),
      ...(this.#revision === undefined ? [] : ['mcp-protocol-version', this.#revision]),
    ];
  }

  /** A message of the GET stream names no call: with exactly one in flight it is known anyway. */
  #receive(bytes: Buffer): void {
    for (const message of readInbound(bytes)) {
      if (message.kind === 'request') this.#asked(message);
      else if (message.kind === 'notification') {
        const { method, params } = message;
        if (method === 'notifications/cancelled') continue;
        const [sole] = this.#calls.size === 1 && !isGlobalNotification(method) ? this.#calls : [];
        if (sole) relay(sole, { method, params });
        else this.#options.unattributed({ method, params });
      }
    }
  }

  #asked(request: ServerRequest): void {
    const [sole] = this.#calls.size === 1 ? this.#calls : [];
    void answerText(request, sole?.channel?.ask ?? this.#options.ask).then((text) => this.post(text));
  }
}
