import { once } from 'node:events';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { spawnOn } from '../harness/cores.js';
import type { GeneratorMessage, LoadJob, LoadResult } from './job.js';

/** What is sampled at the two ends of the measured time. */
export interface LoadWindow {
  onStart(): void;
  onEnd(): void;
}

/** The load generator: one process of its own, kept for the whole run so that it is warm. */
export class LoadGenerator {
  readonly #child: ChildProcess;

  /** @param core - CPU to pin to; undefined: not pinned. */
  constructor(core: number | undefined) {
    const script = join(import.meta.dirname, 'generator.js');
    this.#child = spawnOn(core, [script], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Runs one job. Rejects when the generator itself ends. */
  async run(job: LoadJob, window?: LoadWindow): Promise<LoadResult> {
    return await new Promise((resolve, reject) => {
      const ended = (): void => {
        reject(new Error('the load generator ended'));
      };
      const hear = (message: GeneratorMessage): void => {
        if (message.kind === 'measuring') window?.onStart();
        else if (message.kind === 'measured') window?.onEnd();
        else {
          this.#child.off('message', hear).off('exit', ended);
          resolve(message.result);
        }
      };
      this.#child.on('message', hear).once('exit', ended);
      this.#child.send(job);
    });
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.disconnect();
    await ended;
  }
}
