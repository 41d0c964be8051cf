import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { spawnOn } from './cores.js';

/** The line with which a server says that it is ready. */
export interface Listening {
  readonly event: 'listening';
  readonly url: string;
  /** Base URL of the operations listener; the program only. */
  readonly operations?: string;
  /** Printed at the first start with a data directory only. */
  readonly apiKey?: string;
}

const readyMs = 30_000;
const pollMs = 2;
const stopMs = 10_000;

function readyLine(text: string): Listening | undefined {
  const line = text.split('\n').find((candidate) => candidate.startsWith('{"event":"listening"'));
  return line === undefined ? undefined : (JSON.parse(line) as Listening);
}

/** Those that run; none outlives the bench, however that ends. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

/** One server under measurement, on its own CPU. Its output goes to files, so that reading it costs nobody anything. */
export class ServerProcess {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #stdout: string;
  readonly stderrPath: string;
  readonly exited: Promise<number | null>;

  /** @param args - Node arguments, the script and its arguments. @param core - CPU; undefined: not pinned. */
  constructor(args: readonly string[], core: number | undefined) {
    this.#folder = mkdtempSync(join(tmpdir(), 'seaworthy-bench-server-'));
    this.#stdout = join(this.#folder, 'stdout');
    this.stderrPath = join(this.#folder, 'stderr');
    const out = openSync(this.#stdout, 'w');
    const err = openSync(this.stderrPath, 'w');
    this.#child = spawnOn(core, args, { stdio: ['ignore', out, err] });
    closeSync(out);
    closeSync(err);
    running.add(this.#child);
    this.exited = once(this.#child, 'exit').then(([code]) => {
      running.delete(this.#child);
      return code as number | null;
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Waits for the ready line. Throws with the end of its error output when it ends or does not come. */
  async listening(): Promise<Listening> {
    for (let waited = 0; waited < readyMs && this.running; waited += pollMs) {
      const ready = readyLine(readFileSync(this.#stdout, 'utf8'));
      if (ready !== undefined) return ready;
      await pause(pollMs);
    }
    const output = readFileSync(this.stderrPath, 'utf8') + readFileSync(this.#stdout, 'utf8');
    await this.stop();
    throw new Error(`server did not start: ${this.#child.spawnargs.join(' ')}\n${output.slice(-2000)}`);
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** SIGTERM, then SIGKILL after ten seconds. Removes its output files. */
  async stop(): Promise<void> {
    if (this.running) {
      this.signal('SIGTERM');
      const timer = setTimeout(() => {
        this.signal('SIGKILL');
      }, stopMs);
      await this.exited;
      clearTimeout(timer);
    }
    await rm(this.#folder, { recursive: true, force: true });
  }
}
