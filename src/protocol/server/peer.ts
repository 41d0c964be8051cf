import type { Logger } from '#kernel/telemetry/index.js';
import type { CallScope } from '#kernel/context/index.js';
import type { JsonObject } from '../model/index.js';
import type { Handler } from './handler.js';

/** What every entry (HTTP, stdio) needs to serve clients. */
export interface ServingContext {
  readonly handler: Handler;
  readonly logger: Logger;
  /** Identity in results that name none. */
  readonly serverInfo: JsonObject;
  /** Nesting that a message may have, levels. */
  readonly maxJsonDepth: number;
  /** Requests in flight, so that a cancellation finds them. */
  readonly calls: CallRegistry;
  readonly nextRequestId: () => string;
}

/** Calls in flight by session and request id. */
export class CallRegistry {
  readonly #calls = new Map<string, CallScope>();
  #unnamed = 0;

  get size(): number {
    return this.#calls.size + this.#unnamed;
  }

  /** Counts a call that no message can name, as those of the modern family over HTTP; `leave` when it has ended. */
  enter(): void {
    this.#unnamed++;
  }

  leave(): void {
    this.#unnamed--;
  }

  add(sessionKey: string, id: string | number, scope: CallScope): () => void {
    const key = `${sessionKey}\n${typeof id}\n${id}`;
    this.#calls.set(key, scope);
    return () => {
      if (this.#calls.get(key) === scope) this.#calls.delete(key);
    };
  }

  cancel(sessionKey: string, id: unknown): void {
    if (typeof id === 'string' || typeof id === 'number')
      this.#calls.get(`${sessionKey}\n${typeof id}\n${id}`)?.cancel('client');
  }

  /** Cancels every call of a session that has ended. */
  cancelAll(sessionKey: string): void {
    for (const [key, scope] of this.#calls) if (key.startsWith(`${sessionKey}\n`)) scope.cancel('client');
  }
}
