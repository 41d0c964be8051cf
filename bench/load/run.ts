import { Connection, type ConnectionEvents, type Shape } from './connection.js';
import { Histogram } from './histogram.js';
import { idPlaceholder, type LoadJob, type LoadResult } from './job.js';

const tickMs = 1;
/** How long after the end the answers still on their way are waited for. */
const settleMs = 5_000;

/** The two ends of the measured time. */
export interface RunEvents {
  measuring(): void;
  measured(): void;
}

/**
 * One job from its first connection to its result.
 *
 *   connecting -> warming -> measuring -> settling -> over
 *
 * In an open loop a request that finds no free connection waits, and its latency counts from the moment it was due:
 * a slow server cannot slow the schedule down and so hide its own delay.
 */
export class LoadRun implements ConnectionEvents {
  readonly #job: LoadJob;
  readonly #events: RunEvents;
  readonly #connections: Connection[] = [];
  readonly #idle: Connection[] = [];
  readonly #overdue: number[] = [];
  readonly #latency = new Histogram();
  readonly #resolve: (result: LoadResult) => void;
  readonly result: Promise<LoadResult>;
  #phase: 'connecting' | 'warming' | 'measuring' | 'settling' | 'over' = 'connecting';
  #open = 0;
  #running = 0;
  #nextId = idPlaceholder;
  #calls = 0;
  #wrong = 0;
  #firstWrong: string | undefined;
  #startedAt = 0;
  #nextDue = 0;
  #cpu = process.cpuUsage();
  #seconds = 1;
  #busy = 0;
  #closing: NodeJS.Timeout | undefined;

  constructor(job: LoadJob, events: RunEvents) {
    this.#job = job;
    this.#events = events;
    const { promise, resolve } = settleLater();
    this.result = promise;
    this.#resolve = resolve;
    const shape: Shape = { total: 0, headEnd: 0, idAt: 0 };
    for (let index = 0; index < job.connections; index += 1) {
      this.#connections.push(new Connection(job, shape, this));
    }
  }

  opened(): void {
    this.#open += 1;
    if (this.#open < this.#job.connections || this.#phase !== 'connecting') return;
    this.#phase = 'warming';
    setTimeout(() => {
      this.#measure();
    }, this.#job.warmupMs);
    if (this.#job.rate === undefined) {
      for (const connection of this.#connections) this.#send(connection, performance.now());
    } else {
      this.#idle.push(...this.#connections);
      this.#nextDue = performance.now();
      this.#tick();
    }
  }

  answered(connection: Connection, fault: string | undefined): void {
    const now = performance.now();
    this.#running -= 1;
    if (this.#phase === 'measuring') {
      this.#calls += 1;
      this.#latency.record(now - connection.since);
    }
    if (fault !== undefined) this.#countWrong(fault);
    if (this.#phase === 'settling') this.#closeOne(connection);
    else if (this.#job.rate === undefined) this.#send(connection, now);
    else this.#sendOverdue(connection);
  }

  lost(_connection: Connection, reason: string): void {
    if (this.#phase === 'over') return;
    this.#countWrong(`connection lost: ${reason}`);
    this.#open -= 1;
    this.#running -= 1;
    // With every connection gone nothing more can be measured.
    if (this.#open <= 0) this.#close();
  }

  #countWrong(fault: string): void {
    this.#wrong += 1;
    this.#firstWrong ??= fault;
  }

  #send(connection: Connection, since: number): void {
    this.#nextId += 1;
    this.#running += 1;
    connection.send(this.#nextId, since);
  }

  #sendOverdue(connection: Connection): void {
    const due = this.#overdue.shift();
    if (due === undefined) this.#idle.push(connection);
    else this.#send(connection, due);
  }

  /** Sends what is due. A late timer is the generator's fault, so latency counts from the tick, not from the plan. */
  #tick(): void {
    if (this.#phase === 'settling' || this.#phase === 'over' || this.#job.rate === undefined) return;
    const now = performance.now();
    for (; this.#nextDue <= now; this.#nextDue += 1000 / this.#job.rate) {
      const connection = this.#idle.shift();
      if (connection === undefined) this.#overdue.push(now);
      else this.#send(connection, performance.now());
    }
    setTimeout(() => {
      this.#tick();
    }, tickMs);
  }

  #measure(): void {
    if (this.#phase !== 'warming') return;
    this.#phase = 'measuring';
    this.#startedAt = performance.now();
    this.#cpu = process.cpuUsage();
    this.#events.measuring();
    setTimeout(() => {
      this.#settle();
    }, this.#job.durationMs);
  }

  /** The measured time is over: nothing new is sent, and no connection is cut while an answer is on its way. */
  #settle(): void {
    if (this.#phase !== 'measuring') return;
    this.#phase = 'settling';
    this.#seconds = (performance.now() - this.#startedAt) / 1000;
    const cpu = process.cpuUsage(this.#cpu);
    this.#busy = (cpu.user + cpu.system) / 1e6 / this.#seconds;
    this.#events.measured();
    if (this.#overdue.length > this.#job.connections) this.#countWrong('the schedule could not be kept');
    if (this.#running <= 0) this.#close();
    else
      this.#closing = setTimeout(() => {
        this.#countWrong(`${String(this.#running)} requests without an answer`);
        this.#close();
      }, settleMs);
  }

  #closeOne(connection: Connection): void {
    connection.close();
    if (this.#running <= 0) this.#close();
  }

  #close(): void {
    if (this.#phase === 'over') return;
    this.#phase = 'over';
    clearTimeout(this.#closing);
    for (const connection of this.#connections) connection.close();
    if (this.#calls === 0) this.#countWrong('no answers');
    this.#resolve({
      calls: this.#calls,
      seconds: this.#seconds,
      wrong: this.#wrong,
      ...(this.#firstWrong === undefined ? {} : { firstWrong: this.#firstWrong }),
      p50: this.#latency.quantile(0.5),
      p99: this.#latency.quantile(0.99),
      max: this.#latency.max,
      generatorBusy: this.#busy,
    });
  }
}

function settleLater(): { promise: Promise<LoadResult>; resolve: (result: LoadResult) => void } {
  let resolve: (result: LoadResult) => void = () => undefined;
  const promise = new Promise<LoadResult>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
