import { silentLogger, type Logger } from '#kernel/telemetry/index.js';
import type { Bus } from './shared-state.js';

type Listener = (message: string) => void;

/** Messages within one process. Delivered after the publisher's code has run, as a network would. */
export class MemoryBus implements Bus {
  readonly #logger: Logger;
  /** One wrapper per subscription, so that subscribing a function twice delivers twice. */
  readonly #channels = new Map<string, Set<{ readonly listener: Listener }>>();

  constructor(logger: Logger = silentLogger) {
    this.#logger = logger;
  }

  publish(channel: string, message: string): void {
    if (this.#channels.has(channel)) queueMicrotask(() => this.#deliver(channel, message));
  }

  subscribe(channel: string, listener: Listener): () => void {
    const subscription = { listener };
    const subscribers = this.#channels.get(channel) ?? new Set();
    this.#channels.set(channel, subscribers.add(subscription));
    return () => {
      subscribers.delete(subscription);
      if (subscribers.size === 0 && this.#channels.get(channel) === subscribers) this.#channels.delete(channel);
    };
  }

  close(): void {
    this.#channels.clear();
  }

  #deliver(channel: string, message: string): void {
    for (const { listener } of [...(this.#channels.get(channel) ?? [])]) {
      try {
        listener(message);
      } catch (error) {
        this.#logger.error({ err: error, channel }, 'a bus listener failed');
      }
    }
  }
}
