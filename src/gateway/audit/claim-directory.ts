import { join } from 'node:path';
import { fail } from '#kernel/errors/index.js';
import { tryLockFile } from '#kernel/storage/index.js';

/** A directory that one process writes to. */
export interface ClaimedDirectory {
  readonly path: string;
  readonly release: () => void;
}

/** Processes that share a data directory: a server, commands, and one per client over stdio. */
const maxProcesses = 64;

/** Of the nth process at the same time, from the second on. */
const subdirectory = (n: number): string => `process-${n}`;

/**
 * Takes the first directory that no other process writes to: `root`, else `root/process-2` and so on. A chain has one
 * writer; one that is free again is continued by the next process that takes it.
 * @throws SW_AUDIT_UNAVAILABLE
 */
export async function claimDirectory(root: string): Promise<ClaimedDirectory> {
  for (let n = 1; n <= maxProcesses; n++) {
    const path = n === 1 ? root : join(root, subdirectory(n));
    const lock = await tryLockFile(join(path, 'lock'));
    if (lock) return { path, release: () => lock.release() };
  }
  throw fail('SW_AUDIT_UNAVAILABLE', { reason: `${maxProcesses} processes write to ${root} already` });
}
