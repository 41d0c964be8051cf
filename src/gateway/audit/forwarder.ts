import { reasonOf } from '#kernel/errors/index.js';
import type { Logger, Metrics } from '#kernel/telemetry/index.js';
import { backoff, systemClock } from '#kernel/time/index.js';
import type { ChainedRecord } from './chain.js';

/** Takes copies of what the journal has kept. */
export interface Sink {
  readonly name: 'file' | 'database' | 'syslog' | 'webhook';
  /** Records that go together. */
  readonly maxBatch: number;
  /** A rejection means that all of them are sent again. */
  send(records: readonly ChainedRecord[]): Promise<void>;
  close(): Promise<void>;
}

export interface ForwarderOptions {
  readonly sink: Sink;
  /** Records held while the sink is away; beyond it the newest are dropped and counted. */
  readonly maxWaiting: number;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** How long `close` waits for a sink that does not take the rest, milliseconds. */
const closeMs = 5_000;
const retry = { minMs: 500, maxMs: 60_000 };

/** Sends records to one sink, in order and in batches, and again after a failure, without holding up the journal. */
export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #delays = backoff(retry);
  #waiting: ChainedRecord[] = [];
  #sending: Promise<void> | undefined;
  #failure: string | undefined;
  #wake: (() => void) | undefined;
  #closed = false;

  constructor(options: ForwarderOptions) {
    this.#options = options;
    options.metrics.auditSinkUp.set({ sink: options.sink.name }, 1);
  }

  get name(): string {
    return this.#options.sink.name;
  }

  /** Why the sink takes nothing, while it does not. */
  get failure(): string | undefined {
    return this.#failure;
  }

  take(records: readonly ChainedRecord[]): void {
    const room = Math.max(0, this.#options.maxWaiting - this.#waiting.length);
    this.#waiting.push(...(records.length <= room ? records : records.slice(0, room)));
    if (records.length > room) this.#drop(records.length - room);
    this.#sending ??= this.#sendAll();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#wake?.();
    const patience = new Promise<void>((resolve) => systemClock.after(closeMs, resolve, { unref: true }));
    await Promise.race([this.#sending, patience]);
    if (this.#waiting.length > 0) {
      this.#options.logger.error({ sink: this.name, records: this.#waiting.length }, 'audit records were not sent');
      this.#drop(this.#waiting.length);
      this.#waiting = [];
    }
    await this.#options.sink.close();
  }

  #drop(records: number): void {
    this.#options.metrics.auditDropped.inc({ sink: this.name }, records);
  }

  async #sendAll(): Promise<void> {
    const { sink } = this.#options;
    let batch: ChainedRecord[] = [];
    while (this.#waiting.length > 0) {
      // After a failure the same batch again, though more wait now: a receiver that got it knows it by its name.
      if (batch.length === 0) batch = this.#waiting.slice(0, sink.maxBatch);
      try {
        await sink.send(batch);
        this.#waiting.splice(0, batch.length);
        batch = [];
        this.#recovered();
      } catch (error) {
        this.#failed(error);
        // The last try after `close` was this one.
        if (this.#closed) break;
        await this.#pause(this.#delays.next());
      }
    }
    this.#sending = undefined;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = systemClock.after(ms, resolve, { unref: true });
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  #failed(error: unknown): void {
    const { logger, metrics } = this.#options;
    const reason = reasonOf(error);
    if (this.#failure === undefined) {
      metrics.auditSinkUp.set({ sink: this.name }, 0);
      logger.error({ sink: this.name, reason }, 'an audit sink does not take records; they wait');
    }
    this.#failure = reason;
  }

  #recovered(): void {
    if (this.#failure === undefined) return;
    this.#failure = undefined;
    this.#delays.succeeded();
    this.#options.metrics.auditSinkUp.set({ sink: this.name }, 1);
    this.#options.logger.info({ sink: this.name }, 'an audit sink takes records again');
  }
}
