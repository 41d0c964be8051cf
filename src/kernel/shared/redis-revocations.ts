import { reasonOf } from '#kernel/errors/index.js';
import type { Logger } from '#kernel/telemetry/index.js';
import type { Clock } from '#kernel/time/index.js';
import { MemoryRevocations } from './memory-revocations.js';
import type { RedisBus } from './redis-bus.js';
import type { RedisLink } from './redis-link.js';
import type { Revocations } from './shared-state.js';

/** The whole set is read this often, for messages that were lost; milliseconds. */
const readMs = 30_000;
/** Replicas whose clocks differ by less agree on what has expired, milliseconds. */
const skewMs = 60_000;

/**
 * Revocations that replicas share: a sorted set by the time at which they expire, mirrored in memory so that a request
 * asks nobody. A message tells the others; the set is read at start, after every outage and every half minute.
 * What is revoked while the server is away is in force here at once, and everywhere as soon as the server is back.
 */
export class RedisRevocations implements Revocations {
  readonly #link: RedisLink;
  readonly #bus: RedisBus;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #maxKeys: number;
  readonly #mirror: MemoryRevocations;
  /** What the server has not got yet. */
  readonly #unsent = new Map<string, number>();
  readonly #reading: NodeJS.Timeout;

  constructor(link: RedisLink, bus: RedisBus, clock: Clock, maxKeys: number, logger: Logger) {
    this.#link = link;
    this.#bus = bus;
    this.#clock = clock;
    this.#logger = logger;
    this.#maxKeys = maxKeys;
    this.#mirror = new MemoryRevocations(clock, maxKeys);
    bus.subscribe(channel, (message) => this.#told(message));
    link.onUp(() => void this.#catchUp());
    this.#reading = setInterval(() => void this.#catchUp(), readMs).unref();
  }

  async add(key: string, untilEpochMs: number): Promise<void> {
    this.#mirror.add(key, untilEpochMs);
    this.#unsent.set(key, Math.max(untilEpochMs, this.#unsent.get(key) ?? 0));
    if (this.#unsent.size > this.#maxKeys) {
      const [oldest] = this.#unsent.keys();
      this.#unsent.delete(oldest as string);
    }
    await this.#catchUp(false);
  }

  has(key: string): boolean {
    return this.#mirror.has(key);
  }

  close(): void {
    clearInterval(this.#reading);
  }

  async #catchUp(read = true): Promise<void> {
    if (!this.#link.up) return;
    try {
      for (const [key, until] of [...this.#unsent]) await this.#send(key, until);
      if (read) await this.#read();
    } catch (error) {
      this.#logger.warn({ reason: reasonOf(error) }, 'revocations wait until redis is back');
    }
  }

  async #send(key: string, until: number): Promise<void> {
    await this.#link.run((redis) => redis.zadd(this.#set, 'GT', until, key));
    if (this.#unsent.get(key) === until) this.#unsent.delete(key);
    await this.#bus.publish(channel, `${until} ${key}`);
  }

  async #read(): Promise<void> {
    const now = this.#clock.now();
    await this.#link.run((redis) => redis.zremrangebyscore(this.#set, '-inf', now - skewMs));
    // Latest expiry first: where there are more than can be kept, those that are in force longest stay.
    const rows = await this.#link.run((redis) =>
      redis.zrevrangebyscore(this.#set, '+inf', now, 'WITHSCORES', 'LIMIT', 0, this.#maxKeys),
    );
    for (let i = 0; i + 1 < rows.length; i += 2) this.#mirror.add(rows[i] as string, Number(rows[i + 1]));
  }

  #told(message: string): void {
    const space = message.indexOf(' ');
    const until = Number(message.slice(0, space));
    if (space > 0 && Number.isFinite(until)) this.#mirror.add(message.slice(space + 1), until);
  }

  get #set(): string {
    return `${this.#link.prefix}revocations`;
  }
}

const channel = 'revocations';
