import { randomUUID } from 'node:crypto';
import { reasonOf } from '#kernel/errors/index.js';
import type { Logger } from '#kernel/telemetry/index.js';
import { MemoryBus } from './memory-bus.js';
import type { RedisLink } from './redis-link.js';
import type { Bus } from './shared-state.js';

/**
 * Messages among replicas. This process hears its own without the server, so that an outage costs only the way to the
 * others; what they miss meanwhile is lost.
 */
export class RedisBus implements Bus {
  readonly #link: RedisLink;
  readonly #logger: Logger;
  readonly #here: MemoryBus;
  /** Tells our own messages from those of others. */
  readonly #sender = randomUUID();

  constructor(link: RedisLink, logger: Logger) {
    this.#link = link;
    this.#logger = logger;
    this.#here = new MemoryBus(logger);
    link.onMessage((channel, text) => {
      const space = text.indexOf(' ');
      if (channel.startsWith(busPrefix) && text.slice(0, space) !== this.#sender)
        this.#here.publish(channel.slice(busPrefix.length), text.slice(space + 1));
    });
  }

  async publish(channel: string, message: string): Promise<void> {
    this.#here.publish(channel, message);
    try {
      await this.#link.run((redis) =>
        redis.publish(`${this.#link.prefix}${busPrefix}${channel}`, `${this.#sender} ${message}`),
      );
    } catch (error) {
      this.#logger.warn({ channel, reason: reasonOf(error) }, 'other replicas did not get a message');
    }
  }

  subscribe(channel: string, listener: (message: string) => void): () => void {
    return this.#here.subscribe(channel, listener);
  }

  close(): void {
    this.#here.close();
  }
}

const busPrefix = 'bus:';
