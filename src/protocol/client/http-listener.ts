import type { Timer } from '#kernel/time/index.js';
import type { HttpAnswer, HttpEndpoint } from './http-endpoint.js';

export interface HttpListenerOptions {
  readonly endpoint: HttpEndpoint;
  readonly headers: readonly string[];
  readonly onMessage: (bytes: Buffer) => void;
  /** The peer does not know the session any more. */
  readonly onGone: () => void;
}

const firstRetryMs = 1_000;
const maxRetryMs = 60_000;

/** The GET stream of a legacy session, opened again when it ends, from the last event that arrived. */
export class HttpListener {
  readonly #options: HttpListenerOptions;
  #abort: () => void = () => {};
  #timer: Timer | undefined;
  #closed = false;
  /**
   * True once an attempt has ended without a refusal: one after that means that the session has ended. What was cut may
   * have been open without a sign of it, for servers that send the head with the first event.
   */
  #isRetry = false;
  #failures = 0;
  #lastEventId: string | undefined;

  constructor(options: HttpListenerOptions) {
    this.#options = options;
    this.#open();
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#abort();
  }

  #open(): void {
    const { endpoint, headers, onMessage } = this.#options;
    const resume = this.#lastEventId === undefined ? [] : ['last-event-id', this.#lastEventId];
    this.#abort = endpoint.get([...headers, ...resume], {
      event: ({ data, id }) => {
        this.#failures = 0;
        this.#lastEventId = id ?? this.#lastEventId;
        if (data.length > 0) onMessage(data);
      },
      end: (answer) => this.#ended(answer),
      failed: (_error, answer) => this.#ended(answer),
    });
  }

  #ended(answer: HttpAnswer | undefined): void {
    if (this.#closed) return;
    const status = answer?.status ?? 0;
    if (status >= 400 && status < 500 && status !== 429) {
      // 405, and what servers without such a stream say instead: asking again will not help.
      this.close();
      if (this.#isRetry && (status === 404 || status === 400)) this.#options.onGone();
      return;
    }
    this.#isRetry = true;
    const backoffMs = Math.min(firstRetryMs * 2 ** this.#failures++, maxRetryMs);
    const waitMs = Math.max(answer?.retryMs ?? 0, this.#failures > 1 || answer?.retryMs === undefined ? backoffMs : 0);
    this.#timer = this.#options.endpoint.clock.after(waitMs, () => this.#open(), { unref: true });
  }
}
