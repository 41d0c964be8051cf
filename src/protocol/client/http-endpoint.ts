import { Pool, type Dispatcher } from 'undici';
import type { IncomingHttpHeaders } from 'undici/types/header.js';
import { countedBytes, type ByteBudget } from '#kernel/context/index.js';
import { fail, SeaworthyError } from '#kernel/errors/index.js';
import { SseParser, type SseEvent } from '../transport/index.js';
import type { Faults } from './peer.js';
import type { Clock } from '#kernel/time/index.js';

export interface HttpEndpointOptions {
  readonly url: string;
  /** Sent with every request; credentials among them. */
  readonly headers: Readonly<Record<string, string>>;
  readonly connectTimeoutMs: number;
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

/** One MCP endpoint behind a pool of kept connections. Plain callbacks: no fetch, no web streams. */
export class HttpEndpoint {
  readonly faults: Faults;
  readonly clock: Clock;
  readonly url: URL;
  readonly #pool: Pool;
  readonly #path: string;
  readonly #headers: readonly string[];
  readonly #maxMessageBytes: number;
  readonly #budget: ByteBudget | undefined;

  constructor(options: HttpEndpointOptions) {
    this.url = new URL(options.url);
    this.faults = options.faults;
    this.clock = options.clock;
    this.#path = this.url.pathname + this.url.search;
    this.#headers = Object.entries(options.headers).flat();
    this.#maxMessageBytes = options.maxMessageBytes;
    this.#budget = options.budget;
    this.#pool = new Pool(this.url.origin, {
      connect: { timeout: options.connectTimeoutMs },
      // Calls end by their own deadline, and streams may be silent for hours.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: 30_000,
    });
  }

  /** Posts one JSON-RPC text; returns the way to break it off (nothing is reported afterwards). */
  post(body: string, headers: readonly string[], events: ExchangeEvents, path = this.#path): () => void {
    const all = [...this.#headers, 'content-type', 'application/json', 'accept', acceptBoth, ...headers];
    return this.#dispatch({ path, method: 'POST', headers: all, body }, events);
  }

  /** Opens an event stream. */
  get(headers: readonly string[], events: ExchangeEvents): () => void {
    const all = [...this.#headers, 'accept', 'text/event-stream', ...headers];
    return this.#dispatch({ path: this.#path, method: 'GET', headers: all }, events);
  }

  delete(headers: readonly string[], events: ExchangeEvents): () => void {
    return this.#dispatch({ path: this.#path, method: 'DELETE', headers: [...this.#headers, ...headers] }, events);
  }

  /** Breaks off everything. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  #dispatch(options: Dispatcher.DispatchOptions, events: ExchangeEvents): () => void {
    const exchange = new Exchange(events, this.faults, this.#maxMessageBytes, this.#budget);
    this.#pool.dispatch(options, exchange);
    return () => exchange.abort();
  }
}

const acceptBoth = 'application/json, text/event-stream';
const empty = Buffer.alloc(0);
/** Bodies of refusals are read for their JSON-RPC error only. */
const maxRefusalBytes = 65_536;

class Exchange implements Dispatcher.DispatchHandler {
  readonly #events: ExchangeEvents;
  readonly #faults: Faults;
  readonly #maxMessageBytes: number;
  #controller: Dispatcher.DispatchController | undefined;
  #aborted = false;
  #status = 0;
  #headers: IncomingHttpHeaders = {};
  #parser: SseParser | undefined;
  #pieces: Buffer[] = [];
  #bytes = 0;
  readonly #budget: ByteBudget | undefined;
  #reserved = 0;

  constructor(events: ExchangeEvents, faults: Faults, maxMessageBytes: number, budget: ByteBudget | undefined) {
    this.#budget = budget;
    this.#events = events;
    this.#faults = faults;
    this.#maxMessageBytes = maxMessageBytes;
  }

  abort(): void {
    this.#aborted = true;
    this.#controller?.abort(brokenOff());
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
    if (status < 300 && mediaType(headers) === 'text/event-stream')
      this.#parser = new SseParser((event) => {
        if (!this.#aborted) this.#events.event(event);
      }, this.#maxMessageBytes);
    else if (status < 300 && Number(headers['content-length']) > this.#maxMessageBytes)
      controller.abort(this.#tooLarge());
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#parser) return this.#guard(controller, () => this.#parser?.feed(chunk));
    this.#bytes += chunk.length;
    const max = this.#status < 300 ? this.#maxMessageBytes : maxRefusalBytes;
    if (!this.#reserve()) controller.abort(fail('SW_OVERLOADED', { reason: 'results in flight fill their budget' }));
    else if (this.#bytes <= max) this.#pieces.push(chunk);
    else if (this.#status < 300) controller.abort(this.#tooLarge());
  }

  /** A large body is counted while it is read; whoever keeps it afterwards counts it anew. */
  #reserve(): boolean {
    const wanted = this.#bytes - this.#reserved;
    if (!this.#budget || this.#bytes < countedBytes || wanted <= 0) return true;
    if (!this.#budget.reserve(wanted)) return false;
    this.#reserved += wanted;
    return true;
  }

  #release(): void {
    if (this.#reserved > 0) this.#budget?.release(this.#reserved);
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
    const reason = 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.name;
    // Nothing was written while the request waited for a connection.
    return this.#controller ? this.#faults.lost(reason, cause) : this.#faults.unavailable(reason, cause);
  }

  /** undici takes an exception of a handler for its own and tears down the client: keep ours to this exchange. */
  #guard(controller: Dispatcher.DispatchController, work: () => void): void {
    try {
      work();
    } catch (thrown) {
      controller.abort(thrown instanceof Error ? thrown : fail('SW_INTERNAL', {}, thrown));
    }
  }

  #tooLarge = () => fail('SW_RESULT_TOO_LARGE', { maxBytes: this.#maxMessageBytes });
}

const brokenOff = () => fail('SW_CANCELLED');

/** The media type of an answer, lower case, without parameters. */
export function mediaType(headers: IncomingHttpHeaders): string {
  const value = headers['content-type'];
  return (typeof value === 'string' ? value : '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}
