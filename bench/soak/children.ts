import { setTimeout as pause } from 'node:timers/promises';
import { heapBytes, inspectable, settledBytes } from '../harness/inspector.js';
import { echoCall, modernPlan, type CallPlan } from '../harness/mcp.js';
import { yardstickPath } from '../harness/paths.js';
import { openDescriptors, processesWith, treeOf, zombiesOf } from '../harness/proc.js';
import { Seaworthy } from '../harness/seaworthy.js';
import { check } from './checks.js';

/** What the program holds once its garbage is collected. */
interface Level {
  readonly descriptors: number;
  readonly heapBytes: number;
  readonly residentBytes: number;
}

/** Growth of live objects after warm-up that counts as a leak. */
const maxGrowth = 0.1;
/** Connections of health checks and clients that are just coming or going. */
const descriptorSlack = 5;
const endMs = 30_000;

/** The program in front of stdio servers that come, go and die. */
export class Children {
  readonly program: Seaworthy;
  /** In the command line of every stdio server, and of nothing else. */
  readonly #mark = `soak-${String(process.pid)}`;

  private constructor(names: readonly string[]) {
    this.program = new Seaworthy({ core: undefined, config: this.config(names), nodeArgs: inspectable });
  }

  static async start(names: readonly string[]): Promise<Children> {
    const children = new Children(names);
    await children.program.start();
    return children;
  }

  /** Settings with a stdio server of each name, and a module beside them. */
  config(names: readonly string[]): Readonly<Record<string, unknown>> {
    const server = { command: process.execPath, args: [yardstickPath('upstream-stdio'), '--mark', this.#mark] };
    return { modules: { example: {} }, mcpServers: Object.fromEntries(names.map((name) => [name, server])) };
  }

  plan(provider: string): CallPlan {
    return modernPlan(this.program.endpoint(provider), echoCall());
  }

  /** The stdio servers that run. */
  get pids(): number[] {
    const tree = new Set(treeOf(this.program.pid));
    return processesWith(this.#mark).filter((pid) => tree.has(pid));
  }

  /** Waits until so many of them run; false where that does not come about. */
  async come(count: number): Promise<boolean> {
    for (let waited = 0; waited < endMs; waited += 20) {
      if (this.pids.length === count) return true;
      await pause(20);
    }
    return false;
  }

  async level(): Promise<Level> {
    const { process } = this.program;
    return {
      heapBytes: await heapBytes(process),
      residentBytes: await settledBytes(process),
      descriptors: openDescriptors(this.program.pid),
    };
  }

  /** The checks that nothing has grown since `before` and nobody was left behind. */
  async compare(before: Level): Promise<void> {
    const after = await this.level();
    const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
    const both = (of: (level: Level) => string): string => `${of(before)} before, ${of(after)} after`;
    check(
      'after.descriptors',
      after.descriptors <= before.descriptors + descriptorSlack,
      both(({ descriptors }) => String(descriptors)),
    );
    check(
      'after.heap',
      after.heapBytes <= before.heapBytes * (1 + maxGrowth),
      both((level) => mebibytes(level.heapBytes)),
    );
    check(
      'after.resident',
      true,
      both((level) => mebibytes(level.residentBytes)),
    );
    const zombies = zombiesOf(this.program.pid).length;
    check('after.zombies', zombies === 0, String(zombies));
  }

  /** Stops the program; nobody of its children may be left. */
  async stop(): Promise<void> {
    await this.program.stop();
    for (let waited = 0; waited < endMs && processesWith(this.#mark).length > 0; waited += 100) await pause(100);
    const orphans = processesWith(this.#mark);
    check('after.orphans', orphans.length === 0, String(orphans.length));
    for (const pid of orphans) process.kill(pid, 'SIGKILL');
  }
}
