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
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  #failures = 0;
  #lastEventId: string | undefined;

  constructor(options: HttpListenerOptions) {
    this.#options = options;
    this.#open();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
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
    if (status === 404) return this.#options.onGone();
    // 405: the server offers no such stream. Other refusals will not get better by asking again either.
    if (status >= 400 && status < 500 && status !== 429) return this.close();
    const backoffMs = Math.min(firstRetryMs * 2 ** this.#failures++, maxRetryMs);
    this.#timer = setTimeout(() => this.#open(), answer?.retryMs ?? backoffMs);
    this.#timer.unref();
  }
}
