import { Redis, type RedisOptions } from 'ioredis';
import { fail, reasonOf } from '#kernel/errors/index.js';
import type { Logger } from '#kernel/telemetry/index.js';

export interface RedisLinkOptions {
  /** `redis://[user:password@]host[:port][/database]`, `rediss://…` for TLS. */
  readonly url: string;
  /** Begins every key and channel. */
  readonly prefix: string;
  readonly logger: Logger;
  /** Told when the server can be used, and when not. */
  readonly onState: (up: boolean) => void;
}

/** Failures in a row after which the server counts as away: one slow answer may be our own event loop. */
const failuresUntilDown = 3;
/** How often a server that is away is asked again, milliseconds. */
const probeMs = 500;
/** How long a start waits for the server before it goes on without, milliseconds. */
const startPatienceMs = 2000;
const commandTimeoutMs = 1000;

/**
 * Two connections to one Redis or Valkey: for commands, and for messages. Both come back by themselves.
 *
 *   down --PING answered--> up      up --connection lost, or three failures in a row--> down
 */
export class RedisLink {
  readonly prefix: string;
  readonly #commands: Redis;
  readonly #subscriber: Redis;
  readonly #options: RedisLinkOptions;
  readonly #onUp: (() => void)[] = [];
  readonly #onMessage: ((channel: string, message: string) => void)[] = [];
  readonly #probing: NodeJS.Timeout;
  #up = false;
  #failures = 0;
  #reason = 'it has not answered yet';
  #subscribed = false;
  #closed = false;

  constructor(options: RedisLinkOptions) {
    this.#options = options;
    this.prefix = options.prefix;
    this.#commands = new Redis(options.url, connection);
    this.#subscriber = new Redis(options.url, { ...connection, autoResubscribe: false });
    this.#commands.on('ready', () => void this.#probe());
    this.#commands.on('close', () => this.#fall('the connection was lost'));
    this.#commands.on('error', (error) => this.#fall(reasonOf(error)));
    this.#subscriber.on('ready', () => void this.#subscribe());
    this.#subscriber.on('close', () => {
      this.#subscribed = false;
    });
    // The connection for commands tells of the same outage; without a listener ioredis writes to the console.
    this.#subscriber.on('error', (error) => options.logger.debug({ reason: reasonOf(error) }, 'redis messages'));
    this.#subscriber.on('pmessage', (_pattern: string, channel: string, message: string) => {
      for (const listener of this.#onMessage) listener(channel.slice(this.prefix.length), message);
    });
    this.#probing = setInterval(() => {
      if (!this.#up && this.#commands.status === 'ready') void this.#probe();
    }, probeMs).unref();
  }

  /** Connects; resolves when the server can be used, or after two seconds without it. */
  async start(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const ready = new Promise<void>((resolve) => {
      const look = () => {
        if (this.#up && this.#subscribed) resolve();
      };
      this.onUp(look);
      timer = setTimeout(resolve, startPatienceMs);
    });
    for (const client of [this.#commands, this.#subscriber])
      client.connect().catch((error: unknown) => {
        this.#options.logger.debug({ reason: reasonOf(error) }, 'redis: the first connection failed');
      });
    await ready;
    clearTimeout(timer);
    if (!this.#up) this.#options.logger.warn({ reason: this.#reason }, 'redis is away: limits are local');
  }

  get up(): boolean {
    return this.#up;
  }

  health(): { status: 'healthy' | 'degraded'; message: string } {
    if (!this.#up) return { status: 'degraded', message: `redis is away: ${this.#reason}` };
    if (!this.#subscribed) return { status: 'degraded', message: 'redis answers but sends no messages' };
    return { status: 'healthy', message: 'redis answers' };
  }

  /** Calls back whenever something may have been missed and can be read again. */
  onUp(listener: () => void): void {
    this.#onUp.push(listener);
  }

  onMessage(listener: (channel: string, message: string) => void): void {
    this.#onMessage.push(listener);
  }

  /** @throws SW_SHARED_UNAVAILABLE, at once where the server is known to be away */
  async run<T>(command: (redis: Redis) => Promise<T>): Promise<T> {
    if (!this.#up) throw fail('SW_SHARED_UNAVAILABLE', { retryAfterSeconds });
    try {
      const result = await command(this.#commands);
      this.#failures = 0;
      return result;
    } catch (error) {
      this.failed(reasonOf(error));
      throw fail('SW_SHARED_UNAVAILABLE', { retryAfterSeconds }, error);
    }
  }

  /** Counts a failure that the connection itself cannot see, such as an answer that came too late. */
  failed(reason: string): void {
    this.#failures += 1;
    if (this.#failures >= failuresUntilDown) this.#fall(reason);
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#probing);
    this.#commands.disconnect();
    this.#subscriber.disconnect();
  }

  async #probe(): Promise<void> {
    try {
      await this.#commands.ping();
      this.#rise();
    } catch (error) {
      this.#fall(reasonOf(error));
    }
  }

  async #subscribe(): Promise<void> {
    try {
      await this.#subscriber.psubscribe(`${this.prefix}bus:*`);
      this.#subscribed = true;
      if (this.#up) for (const listener of this.#onUp) listener();
    } catch (error) {
      this.#options.logger.warn({ reason: reasonOf(error) }, 'redis messages could not be subscribed');
      this.#subscriber.disconnect(true);
    }
  }

  #rise(): void {
    if (this.#up || this.#closed) return;
    this.#up = true;
    this.#failures = 0;
    this.#options.onState(true);
    this.#options.logger.info({}, 'redis answers');
    for (const listener of this.#onUp) listener();
  }

  #fall(reason: string): void {
    this.#reason = reason;
    if (!this.#up) return;
    this.#up = false;
    this.#options.onState(false);
    if (!this.#closed) this.#options.logger.warn({ reason }, 'redis is away: limits are local');
  }
}

const retryAfterSeconds = 1;

const connection = {
  lazyConnect: true,
  // What cannot be sent now is decided without Redis: nothing waits for a connection, nothing is sent twice.
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  commandTimeout: commandTimeoutMs,
  connectTimeout: 2000,
  keepAlive: 10_000,
  retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt, 10), 1000),
} satisfies RedisOptions;
