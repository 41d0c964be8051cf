import { spawn, spawnSync, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { availableParallelism } from 'node:os';

/** Which CPU carries what. Undefined: not pinned. */
export interface Cores {
  readonly server: number | undefined;
  readonly load: number | undefined;
  /** Why nothing is pinned; undefined when it is. */
  readonly note: string | undefined;
}

/** Servers on CPU 0, the load generator and upstream servers on CPU 1, if the machine can do that. */
export function chooseCores(): Cores {
  const none = { server: undefined, load: undefined };
  if (availableParallelism() < 2) return { ...none, note: 'not pinned: fewer than two CPUs' };
  for (const core of ['0', '1']) {
    if (spawnSync('taskset', ['-c', core, 'true']).status !== 0) {
      return { ...none, note: `not pinned: taskset (util-linux) is missing or CPU ${core} is not ours` };
    }
  }
  return { server: 0, load: 1, note: undefined };
}

/** Starts `node` with these arguments on one CPU; its children inherit the CPU. */
export function spawnOn(core: number | undefined, args: readonly string[], options: SpawnOptions): ChildProcess {
  if (core === undefined) return spawn(process.execPath, args, options);
  return spawn('taskset', ['-c', String(core), process.execPath, ...args], options);
}
