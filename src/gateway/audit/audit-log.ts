import { randomBytes } from 'node:crypto';
import { fail, reasonOf, type SeaworthyError } from '#kernel/errors/index.js';
import type { KnownSecrets } from '#kernel/secrets/index.js';
import type { Logger, Metrics } from '#kernel/telemetry/index.js';
import { backoff } from '#kernel/time/index.js';
import type { ArgumentsMode } from './arguments.js';
import { chained, noHash, type ChainedRecord, type ChainHead } from './chain.js';
import { encodedRecord } from './encode.js';
import type { Forwarder } from './forwarder.js';
import { readHead, writeHead } from './head-file.js';
import type { Found, Journal } from './journal.js';
import type { AuditRecord } from './record.js';
import { securityEventOf } from './security-events.js';
import { checkpointText, verifyingKey, type SigningKey } from './signing-key.js';

/** What a decision is told to. `write` never waits and never throws. */
export interface AuditWriter {
  write(record: AuditRecord): void;
  /** Set while nothing may be decided, because it could not be recorded (`audit.onFailure: closed`). */
  readonly refusal: SeaworthyError | undefined;
}

/** What can be changed while it runs. */
export interface AuditSettings {
  readonly arguments: ArgumentsMode;
  readonly onFailure: 'open' | 'closed';
}

export interface AuditLogOptions extends AuditSettings {
  /** Of this process alone. */
  readonly directory: string;
  readonly journal: Journal;
  readonly forwarders: readonly Forwarder[];
  readonly key: SigningKey;
  readonly secrets: KnownSecrets;
  /** Records wait at most this long, milliseconds: what a kill -9 can lose. */
  readonly flushMs: number;
  /** Records held while the journal is slow or away; beyond it the newest are dropped and counted. */
  readonly maxWaiting: number;
  /** A checkpoint is made after this many records, and after this many milliseconds if there are any. */
  readonly checkpointRecords: number;
  readonly checkpointMs: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Gives the directory back. */
  readonly release: () => void;
}

export interface AuditHealth {
  readonly status: 'healthy' | 'degraded' | 'unhealthy';
  readonly message: string;
}

/** Records made into text at once: a batch must not hold up the event loop. */
const maxBatch = 256;
/** Requests whose arguments wait together, bytes; beyond it they are written early. */
const earlyBytes = 4 * 2 ** 20;
const retainEveryMs = 3_600_000;
const retry = { minMs: 200, maxMs: 10_000 };

type CheckpointReason = 'start' | 'records' | 'time' | 'rotation' | 'stop';

/**
 * The audit log of one process: takes records off the path of a call, numbers, hashes and signs them in batches, has
 * the journal keep them, and hands what is kept to the other sinks.
 *
 *   writing --append fails--> failing --append works--> writing      any --close--> closed
 *
 * While failing nothing is lost until `maxWaiting` records wait; then the newest are dropped, counted, and a record
 * tells of them.
 */
export class AuditLog implements AuditWriter {
  readonly #options: AuditLogOptions;
  #settings: AuditSettings;
  #head: ChainHead;
  #waiting: AuditRecord[] = [];
  #waitingBytes = 0;
  /** Numbered already, so that they must be kept before anything else is. */
  #unkept: ChainedRecord[] = [];
  #sinceCheckpoint = 0;
  #dropped = 0;
  #failure: SeaworthyError | undefined;
  #work: Promise<void> = Promise.resolve();
  #syncing: Promise<void> | undefined;
  #flushTimer: NodeJS.Timeout | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  #timers: readonly NodeJS.Timeout[] = [];
  readonly #retryDelays = backoff(retry);

  private constructor(options: AuditLogOptions, head: ChainHead) {
    this.#options = options;
    this.#settings = options;
    this.#head = head;
    options.metrics.auditSinkUp.set({ sink: options.journal.name }, 1);
  }

  /**
   * Continues the chain that is there, or begins one. Resolves when that is recorded.
   * @throws SW_AUDIT_UNAVAILABLE where the journal cannot be read or written
   */
  static async open(options: AuditLogOptions): Promise<AuditLog> {
    try {
      const last = await readHead(options.directory, verifyingKey(options.key.publicKey));
      const found = await options.journal.open(last?.chain);
      const log = new AuditLog(options, startOf(found, last));
      log.#tellStart(found, last);
      await log.#keep();
      await log.#checkpoint('start');
      await log.#retain();
      log.#startTimers();
      return log;
    } catch (error) {
      throw fail('SW_AUDIT_UNAVAILABLE', { reason: reasonOf(error) }, error);
    }
  }

  get refusal(): SeaworthyError | undefined {
    return this.#settings.onFailure === 'closed' ? this.#failure : undefined;
  }

  /** Takes effect for what is written from now on. */
  set settings(settings: AuditSettings) {
    this.#settings = settings;
  }

  write(record: AuditRecord): void {
    this.#count(record);
    if (this.#waiting.length >= this.#options.maxWaiting) {
      this.#dropped++;
      this.#options.metrics.auditDropped.inc({ sink: this.#options.journal.name });
      return;
    }
    this.#waiting.push(record);
    this.#waitingBytes += record.bytesIn ?? 0;
    if (this.#failure) return;
    if (this.#waitingBytes > earlyBytes) void this.flush();
    else this.#flushTimer ??= setTimeout(() => void this.flush(), this.#options.flushMs).unref();
  }

  /** Resolves when everything written so far is kept, or could not be. */
  flush(): Promise<void> {
    clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
    return this.#queue(() => this.#keepAll());
  }

  /** Keeps everything, signs the end and waits for the other sinks, each at most for its patience. */
  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.flush();
    await this.#queue(() => this.#checkpoint('stop'));
    clearTimeout(this.#retryTimer);
    const lost = this.#unkept.length + this.#waiting.length;
    if (lost > 0) {
      this.#options.metrics.auditDropped.inc({ sink: this.#options.journal.name }, lost);
      this.#options.logger.error({ records: lost }, 'audit records could not be written before the end');
    }
    await Promise.all(this.#options.forwarders.map((forwarder) => forwarder.close()));
    await this.#syncing;
    await this.#options.journal.close();
    this.#options.release();
  }

  health(): AuditHealth {
    const { journal, forwarders } = this.#options;
    if (this.#failure) {
      const status = this.#settings.onFailure === 'closed' ? 'unhealthy' : 'degraded';
      return { status, message: `${journal.name}: ${this.#failure.message} ${this.#waiting.length} records wait.` };
    }
    const failing = forwarders.flatMap(({ name, failure }) => (failure === undefined ? [] : [`${name}: ${failure}`]));
    return failing.length > 0
      ? { status: 'degraded', message: failing.join('; ') }
      : { status: 'healthy', message: `record ${this.#head.seq} of chain ${this.#head.chain}` };
  }

  #count({ event, code }: AuditRecord): void {
    const counted = event ?? (code === undefined ? undefined : securityEventOf(code));
    if (counted !== undefined) this.#options.metrics.securityEvents.inc({ event: counted });
  }

  /** One piece of work after the other: there is one end of the chain. */
  #queue(work: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(work).catch((error: unknown) => {
      this.#options.logger.error({ err: error }, 'the audit log could not do its work');
    });
    return this.#work;
  }

  async #keepAll(): Promise<void> {
    while (this.#unkept.length > 0 || this.#waiting.length > 0) {
      if (this.#unkept.length === 0) this.#chainBatch();
      if (!(await this.#tryKeep())) return;
      if (this.#sinceCheckpoint >= this.#options.checkpointRecords) await this.#checkpoint('records');
      if (this.#options.journal.full) await this.#rotate();
    }
  }

  /** Numbers and hashes what waits, a batch of it. */
  #chainBatch(): void {
    if (this.#dropped > 0) {
      this.#chain({ kind: 'chain', event: 'records-dropped', detail: { records: this.#dropped } });
      this.#dropped = 0;
    }
    const batch = this.#waiting.splice(0, maxBatch);
    for (const record of batch) {
      this.#waitingBytes -= record.bytesIn ?? 0;
      this.#chain(encodedRecord(record, this.#settings.arguments, this.#options.secrets), record.time);
    }
    this.#sinceCheckpoint += batch.length;
  }

  #chain(members: object, time: number = this.#options.now()): ChainedRecord {
    const record = chained(this.#head, time, members);
    this.#head = { chain: record.chain, seq: record.seq, hash: record.hash };
    this.#unkept.push(record);
    return record;
  }

  async #tryKeep(): Promise<boolean> {
    try {
      await this.#keep();
      this.#recovered();
      return true;
    } catch (error) {
      this.#failed(error);
      return false;
    }
  }

  async #keep(): Promise<void> {
    const batch = this.#unkept;
    if (batch.length === 0) return;
    await this.#options.journal.append(batch);
    this.#unkept = [];
    for (const forwarder of this.#options.forwarders) forwarder.take(batch);
  }

  #failed(error: unknown): void {
    const reason = reasonOf(error);
    if (!this.#failure) {
      this.#options.logger.error({ reason, err: error }, 'audit records cannot be written; they wait');
      this.#options.metrics.auditSinkUp.set({ sink: this.#options.journal.name }, 0);
    }
    this.#failure = fail('SW_AUDIT_UNAVAILABLE', { reason });
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => void this.flush(), this.#retryDelays.next()).unref();
  }

  #recovered(): void {
    if (!this.#failure) return;
    this.#failure = undefined;
    this.#retryDelays.succeeded();
    this.#options.metrics.auditSinkUp.set({ sink: this.#options.journal.name }, 1);
    this.#options.logger.info({}, 'audit records are written again');
  }

  /** Signs everything so far, where there is anything new. */
  async #checkpoint(reason: CheckpointReason): Promise<void> {
    if (this.#sinceCheckpoint === 0 || this.#unkept.length > 0) return;
    const checkpoint = this.#chainCheckpoint(reason);
    if (!(await this.#tryKeep())) return;
    this.#sync();
    await writeHead(this.#options.directory, checkpoint);
  }

  /** Beside the writing: a slow disk would let records pile up. */
  #sync(): void {
    this.#syncing ??= this.#options.journal
      .sync()
      .catch((error: unknown) => {
        this.#options.logger.warn({ reason: reasonOf(error) }, 'the audit log could not be synced to the disk');
      })
      .finally(() => (this.#syncing = undefined));
  }

  #chainCheckpoint(reason: CheckpointReason): ChainedRecord {
    const { key } = this.#options;
    this.#sinceCheckpoint = 0;
    const signature = key.sign(checkpointText(this.#head));
    return this.#chain({ kind: 'chain', event: 'checkpoint', detail: { reason }, key: key.id, signature });
  }

  async #rotate(): Promise<void> {
    await this.#checkpoint('rotation');
    if (this.#unkept.length > 0) return;
    await this.#options.journal.rotate();
    await this.#retain();
  }

  /** What is removed is told in the chain: a record that is missing without such a word was taken. */
  async #retain(): Promise<void> {
    const gone = await this.#options.journal.retain();
    if (!gone) return;
    this.#chain({
      kind: 'chain',
      event: 'records-removed',
      detail: { chain: gone.chain, through: gone.seq, hash: gone.hash },
    });
    this.#sinceCheckpoint++;
    await this.#tryKeep();
  }

  #startTimers(): void {
    const { checkpointMs } = this.#options;
    this.#timers = [
      setInterval(() => void this.#queue(() => this.#checkpoint('time')), checkpointMs).unref(),
      setInterval(() => void this.#queue(() => this.#retain()), retainEveryMs).unref(),
    ];
  }

  #tellStart(found: Found, last: ChainHead | undefined): void {
    const { key } = this.#options;
    if (this.#head.seq < 0) {
      const detail = found.damaged === undefined ? undefined : { damaged: found.damaged };
      this.#chain({ kind: 'chain', event: 'chain-started', detail, key: key.id, publicKey: key.publicKey });
    }
    if (found.cut) this.#chain({ kind: 'chain', event: 'tail-cut', detail: found.cut });
    if (last && last.chain === this.#head.chain && (found.head?.seq ?? -1) < last.seq)
      this.#chain({
        kind: 'chain',
        event: 'tail-missing',
        detail: { from: (found.head?.seq ?? -1) + 1, through: last.seq },
      });
    // What an earlier process left unsigned is signed now.
    this.#sinceCheckpoint = this.#unkept.length + Math.max(0, this.#head.seq - this.#unkept.length - (last?.seq ?? -1));
    if (found.cut || found.damaged !== undefined)
      this.#options.logger.warn(
        { cutBytes: found.cut?.bytes, damaged: found.damaged },
        'the audit log was not ended in order',
      );
  }
}

/**
 * Where to go on: behind the last record, or behind the last checkpoint where the journal has lost its end, so that
 * the hole stays visible. A damaged journal begins anew.
 */
function startOf({ head, damaged }: Found, last: ChainHead | undefined): ChainHead {
  if (head && (last?.chain !== head.chain || head.seq >= last.seq)) return head;
  if (last && damaged === undefined) return { chain: last.chain, seq: last.seq, hash: last.hash };
  return { chain: randomBytes(6).toString('hex'), seq: -1, hash: noHash };
}
