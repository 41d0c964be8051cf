import { LoadGenerator, type LoadResult } from '../load/index.js';
import type { Cores } from './cores.js';
import type { CallPlan } from './mcp.js';
import { cpuSeconds, treeOf } from './proc.js';
import { yardstickPath } from './paths.js';
import type { Profiling } from './profile.js';
import { ServerProcess, type Listening } from './server-process.js';

/** A running server and the request it is measured with. */
export interface Target {
  readonly name: string;
  readonly pid: number;
  readonly plan: CallPlan;
  /** Leaves the CPU of its children out: they are upstreams on the other CPU. */
  readonly withoutChildren?: boolean;
}

export interface Drive {
  readonly connections: number;
  /** Calls per second on a fixed schedule; undefined: as fast as it answers. */
  readonly rate?: number;
  /** At which moments the caller wants to look at the server. */
  readonly onEnd?: () => void;
}

/** Medians over the rounds of one target. */
export interface Measured {
  /** Calls per second that were answered. */
  readonly perSecond: number;
  /**
   * Calls per second of a fully busy server CPU: `perSecond` over the share of the CPU that the server's processes
   * used. Equal to `perSecond` when the server was what limited the round, and fair when the generator was.
   */
  readonly capacity: number;
  /** CPU of the server per call, microseconds. */
  readonly cpuMicros: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly serverBusy: number;
  readonly generatorBusy: number;
}

export interface BenchOptions {
  /** Short rounds, lenient verdict. */
  readonly quick: boolean;
  /** Undefined: the subject is not profiled. */
  readonly profiling?: Profiling | undefined;
  /** Also figures that need the package registry. */
  readonly full: boolean;
  readonly cores: Cores;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}

/** What a figure measures with: servers, the load generator, and the list of wrong answers. */
export class Bench {
  readonly options: BenchOptions;
  /** One sentence per wrong answer or lost connection seen; any makes the run fail. */
  readonly faults: string[] = [];
  readonly #generator: LoadGenerator;
  readonly #servers: { stop(): Promise<void> }[] = [];

  constructor(options: BenchOptions) {
    this.options = options;
    this.#generator = new LoadGenerator(options.cores.load);
  }

  get rounds(): number {
    return this.options.quick ? 2 : 3;
  }

  /** Starts a yardstick on the server's CPU, or with `beside` on the generator's (an upstream must not cost us). */
  async yardstick(name: string, args: readonly string[] = [], beside = false): Promise<Listening & { pid: number }> {
    const { server, load } = this.options.cores;
    const process = this.adopt(new ServerProcess([yardstickPath(name), ...args], beside ? load : server));
    const { url } = await process.listening();
    return { event: 'listening', url, pid: process.pid };
  }

  /** How a stdio upstream is started so that it runs on the generator's CPU, as the HTTP upstreams do. */
  stdioUpstream(): { command: string; args: string[] } {
    const { load } = this.options.cores;
    const args = [yardstickPath('upstream-stdio')];
    if (load === undefined) return { command: process.execPath, args };
    return { command: 'taskset', args: ['-c', String(load), process.execPath, ...args] };
  }

  /** Sees to it that something is stopped when the figure is done. */
  adopt<T extends { stop(): Promise<void> }>(server: T): T {
    this.#servers.push(server);
    return server;
  }

  /** Measures the targets in turn (A B A B …) and returns the medians in the same order. */
  async measure(targets: readonly Target[], drive: Drive): Promise<Measured[]> {
    const rounds: Measured[][] = targets.map(() => []);
    for (let round = 0; round < this.rounds; round += 1) {
      for (const [index, target] of targets.entries()) {
        rounds[index]?.push(await this.#round(target, drive, round === 0));
      }
    }
    return rounds.map(medianOf);
  }

  async #round(target: Target, drive: Drive, first: boolean): Promise<Measured> {
    const { quick } = this.options;
    const pids = target.withoutChildren === true ? [target.pid] : treeOf(target.pid);
    let before = 0;
    let after = 0;
    const result = await this.#generator.run(
      {
        ...target.plan,
        connections: drive.connections,
        // The first round also warms the compiler of the server up.
        warmupMs: (first ? 2500 : 700) / (quick ? 2 : 1),
        durationMs: quick ? 1500 : 4000,
        ...(drive.rate === undefined ? {} : { rate: drive.rate }),
      },
      {
        onStart: () => {
          before = cpuSeconds(pids);
        },
        onEnd: () => {
          after = cpuSeconds(pids);
          drive.onEnd?.();
        },
      },
    );
    if (result.wrong > 0) {
      this.faults.push(`${target.name}: ${String(result.wrong)} wrong, first: ${result.firstWrong ?? ''}`);
    }
    return measuredOf(result, after - before);
  }

  /** Stops every server of the figure that just ran, last started first. */
  async clear(): Promise<void> {
    for (const server of this.#servers.splice(0).reverse()) await server.stop();
  }

  async stop(): Promise<void> {
    await this.clear();
    await this.#generator.stop();
  }
}

function measuredOf(result: LoadResult, cpu: number): Measured {
  const perSecond = result.calls / result.seconds;
  const serverBusy = Math.min(1, cpu / result.seconds);
  return {
    perSecond,
    capacity: serverBusy > 0 ? perSecond / serverBusy : 0,
    cpuMicros: result.calls > 0 ? (cpu / result.calls) * 1e6 : 0,
    p50: result.p50,
    p99: result.p99,
    serverBusy,
    generatorBusy: result.generatorBusy,
  };
}

function medianOf(rounds: readonly Measured[]): Measured {
  const of = (pick: (round: Measured) => number): number => median(rounds.map(pick));
  return {
    perSecond: of((round) => round.perSecond),
    capacity: of((round) => round.capacity),
    cpuMicros: of((round) => round.cpuMicros),
    p50: of((round) => round.p50),
    p99: of((round) => round.p99),
    serverBusy: of((round) => round.serverBusy),
    generatorBusy: of((round) => round.generatorBusy),
  };
}
