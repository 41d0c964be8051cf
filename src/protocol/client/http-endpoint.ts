import type { Dispatcher } from 'undici';
import type { IncomingHttpHeaders } from 'undici/types/header.js';
import { countedBytes, type ByteBudget } from '#kernel/context/index.js';
import { fail, SeaworthyError } from '#kernel/errors/index.js';
import { SseParser, type SseEvent } from '../transport/index.js';
import type { HttpPool } from './http-pools.js';
import type { Faults } from './peer.js';
import type { Clock } from '#kernel/time/index.js';

export interface HttpEndpointOptions {
  readonly url: string;
  /** Sent with every request; credentials among them. */
  readonly headers: Readonly<Record<string, string>>;
  /** Connections to the origin; released when the endpoint is closed. */
  readonly pool: HttpPool;
  /** Milliseconds to connect: named in the error, and the bound for answers that nobody waits for. */
  readonly connectTimeoutMs: number;
  /** Milliseconds until an answer begins; 0: as long as its call may take. */
  readonly headersTimeoutMs: number;
  /** Milliseconds without a byte of an answer that has begun; 0: any. Long-lived streams may be silent. */
  readonly idleTimeoutMs: number;
  /** Bound for one JSON-RPC text, bytes. */
  readonly maxMessageBytes: number;
  readonly faults: Faults;
  readonly clock: Clock;
  /** Bytes of answers that are being read, of all endpoints together. Absent: not counted. */
  readonly budget?: ByteBudget | undefined;
}

/** How an HTTP answer ended. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The body of an answer that was no event stream. */
  readonly body: Buffer;
  readonly isStream: boolean;
  /** Where an event stream can be taken up again, and after how many milliseconds. */
  readonly lastEventId: string | undefined;
  readonly retryMs: number | undefined;
}

/** What happens while an HTTP answer arrives: `head`, then events of a stream, then `end` or `failed`. */
export interface ExchangeEvents {
  head?(status: number, headers: IncomingHttpHeaders): void;
  event(event: SseEvent): void;
  end(answer: HttpAnswer): void;
  /** Never reached or cut off; an event stream that was cut tells where. */
  failed(error: SeaworthyError, answer: HttpAnswer | undefined): void;
}

/**
 * What an exchange is for, which decides its deadlines: `call` waits for a result, `stream` stays open on purpose,
 * `aside` (a notification, an answer, a farewell) is taken at once or not at all.
 */
export type ExchangeKind = 'call' | 'stream' | 'aside';

interface Deadlines {
  readonly headersTimeout: number;
  readonly bodyTimeout: number;
}

/** One MCP endpoint behind a pool of kept connections. Plain callbacks: no fetch, no web streams. */
export class HttpEndpoint {
  readonly faults: Faults;
  readonly clock: Clock;
  readonly url: URL;
  readonly #options: HttpEndpointOptions;
  readonly #path: string;
  readonly #headers: readonly string[];
  readonly #deadlines: Readonly<Record<ExchangeKind, Deadlines>>;
  readonly #open = new Set<Exchange>();

  constructor(options: HttpEndpointOptions) {
    const { connectTimeoutMs, headersTimeoutMs, idleTimeoutMs } = options;
    this.url = new URL(options.url);
    this.faults = options.faults;
    this.clock = options.clock;
    this.#options = options;
    this.#path = this.url.pathname + this.url.search;
    // What unpacks to any size is not wanted.
    this.#headers = [...Object.entries(options.headers).flat(), 'accept-encoding', 'identity'];
    this.#deadlines = {
      call: { headersTimeout: headersTimeoutMs, bodyTimeout: idleTimeoutMs },
      stream: { headersTimeout: 0, bodyTimeout: 0 },
      aside: { headersTimeout: connectTimeoutMs, bodyTimeout: connectTimeoutMs },
    };
  }

  /** Posts one JSON-RPC text; returns the way to break it off (nothing is reported afterwards). */
  post(
    body: string,
    headers: readonly string[],
    events: ExchangeEvents,
    kind: ExchangeKind = 'call',
    path = this.#path,
  ): () => void {
    const all = [...this.#headers, 'content-type', 'application/json', 'accept', acceptBoth, ...headers];
    return this.#dispatch({ path, method: 'POST', headers: all, body }, kind, events);
  }

  /** Opens an event stream; `kind` is `call` where it is the answer to one. */
  get(headers: readonly string[], events: ExchangeEvents, kind: ExchangeKind = 'stream'): () => void {
    const all = [...this.#headers, 'accept', 'text/event-stream', ...headers];
    return this.#dispatch({ path: this.#path, method: 'GET', headers: all }, kind, events);
  }

  delete(headers: readonly string[], events: ExchangeEvents): () => void {
    const all = [...this.#headers, ...headers];
    return this.#dispatch({ path: this.#path, method: 'DELETE', headers: all }, 'aside', events);
  }

  /** Breaks off everything; what is in flight fails. */
  async close(): Promise<void> {
    for (const exchange of [...this.#open]) exchange.fail('it is being stopped');
    await this.#options.pool.release();
  }

  #dispatch(request: Dispatcher.DispatchOptions, kind: ExchangeKind, events: ExchangeEvents): () => void {
    const exchange = new Exchange(events, this.#options, this.#open);
    this.#open.add(exchange);
    const { pool } = this.#options;
    // Without `idempotent` undici gives each POST an HTTP/2 connection of its own; it repeats nothing by itself.
    const options = { ...request, idempotent: true, ...this.#deadlines[kind] };
    // Answers to questions and cancellations must get through where calls hold every connection: they are what ends them.
    (kind === 'call' ? pool.calls : pool.streams).dispatch(options, exchange);
    return () => exchange.abort();
  }
}

const acceptBoth = 'application/json, text/event-stream';
const empty = Buffer.alloc(0);
/** Bodies of refusals are read for their JSON-RPC error only. */
const maxRefusalBytes = 65_536;

class Exchange implements Dispatcher.DispatchHandler {
  readonly #events: ExchangeEvents;
  readonly #options: HttpEndpointOptions;
  /** The endpoint's open exchanges: this one leaves them when it is over. */
  readonly #open: Set<Exchange>;
  #controller: Dispatcher.DispatchController | undefined;
  #aborted = false;
  #status = 0;
  #headers: IncomingHttpHeaders = {};
  #parser: SseParser | undefined;
  #pieces: Buffer[] = [];
  #bytes = 0;
  #reserved = 0;

  constructor(events: ExchangeEvents, options: HttpEndpointOptions, open: Set<Exchange>) {
    this.#events = events;
    this.#options = options;
    this.#open = open;
  }

  abort(): void {
    this.#aborted = true;
    this.#open.delete(this);
    this.#controller?.abort(brokenOff());
  }

  /** Ends it with a failure, also while it still waits for a connection. */
  fail(reason: string): void {
    const { faults } = this.#options;
    const error = this.#controller ? faults.lost(reason) : faults.unavailable(reason);
    const answer = this.#status === 0 ? undefined : this.#answer();
    this.abort();
    this.#release();
    this.#events.failed(error, answer);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#aborted) controller.abort(brokenOff());
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return;
    this.#status = status;
    this.#headers = headers;
    this.#guard(controller, () => this.#events.head?.(status, headers));
    const encoding = headers['content-encoding'] ?? 'identity';
    if (encoding !== 'identity')
      controller.abort(this.#options.faults.protocol(`content encoding ${String(encoding)}`, undefined, status));
    else if (status < 300 && mediaType(headers) === 'text/event-stream')
      this.#parser = new SseParser((event) => {
        if (!this.#aborted) this.#events.event(event);
      }, this.#options.maxMessageBytes);
    else if (status < 300 && Number(headers['content-length']) > this.#options.maxMessageBytes)
      controller.abort(this.#tooLarge());
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#parser) return this.#guard(controller, () => this.#parser?.feed(chunk));
    this.#bytes += chunk.length;
    const max = this.#status < 300 ? this.#options.maxMessageBytes : maxRefusalBytes;
    if (!this.#reserve()) controller.abort(fail('SW_OVERLOADED', { reason: 'results in flight fill their budget' }));
    else if (this.#bytes <= max) this.#pieces.push(chunk);
    else if (this.#status < 300) controller.abort(this.#tooLarge());
  }

  /** A large body is counted while it is read; whoever keeps it afterwards counts it anew. */
  #reserve(): boolean {
    const wanted = this.#bytes - this.#reserved;
    if (!this.#options.budget || this.#bytes < countedBytes || wanted <= 0) return true;
    if (!this.#options.budget.reserve(wanted)) return false;
    this.#reserved += wanted;
    return true;
  }

  #release(): void {
    this.#open.delete(this);
    if (this.#reserved > 0) this.#options.budget?.release(this.#reserved);
    this.#reserved = 0;
  }

  onResponseEnd(): void {
    this.#release();
    if (!this.#aborted) this.#events.end(this.#answer());
  }

  onResponseError(_controller: Dispatcher.DispatchController, cause: Error): void {
    this.#release();
    if (this.#aborted) return;
    this.#events.failed(this.#failure(cause), this.#status === 0 ? undefined : this.#answer());
  }

  #answer(): HttpAnswer {
    const [first] = this.#pieces;
    return {
      status: this.#status,
      headers: this.#headers,
      body: !first ? empty : this.#pieces.length === 1 ? first : Buffer.concat(this.#pieces),
      isStream: this.#parser !== undefined,
      lastEventId: this.#parser?.lastEventId,
      retryMs: this.#parser?.retryMs,
    };
  }

  #failure(cause: Error): SeaworthyError {
    if (cause instanceof SeaworthyError) return cause;
    const { connectTimeoutMs, faults, headersTimeoutMs, idleTimeoutMs } = this.#options;
    const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.name;
    if (code === 'UND_ERR_CONNECT_TIMEOUT')
      return faults.unavailable(`no connection within ${connectTimeoutMs} ms`, cause, { deadline: 'connect' });
    if (code === 'UND_ERR_HEADERS_TIMEOUT')
      return faults.lost(`no answer within ${headersTimeoutMs} ms`, cause, { deadline: 'headers' });
    if (code === 'UND_ERR_BODY_TIMEOUT')
      return faults.lost(`nothing more of its answer within ${idleTimeoutMs} ms`, cause, { deadline: 'idle' });
    // Nothing was written while the request waited for a connection.
    return this.#controller ? faults.lost(code, cause) : faults.unavailable(code, cause);
  }

  /** undici takes an exception of a handler for its own and tears down the client: keep ours to this exchange. */
  #guard(controller: Dispatcher.DispatchController, work: () => void): void {
    try {
      work();
    } catch (thrown) {
      controller.abort(thrown instanceof Error ? thrown : fail('SW_INTERNAL', {}, thrown));
    }
  }

  #tooLarge = () => fail('SW_RESULT_TOO_LARGE', { maxBytes: this.#options.maxMessageBytes });
}

const brokenOff = () => fail('SW_CANCELLED');

/** The media type of an answer, lower case, without parameters. */
export function mediaType(headers: IncomingHttpHeaders): string {
  const value = headers['content-type'];
  return (typeof value === 'string' ? value : '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}
