import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';

/** A file that this process holds for itself. */
export interface FileLock {
  release(): void;
}

/**
 * Takes a file for this process alone, without waiting; undefined where another holds it. The lock is SQLite's, which
 * Node itself has no call for: the system gives it back when the process ends, however it ends.
 */
export async function tryLockFile(file: string): Promise<FileLock | undefined> {
  const { default: Database } = await import('better-sqlite3');
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  closeSync(openSync(file, 'a', 0o600));
  const database = new Database(file, { timeout: 0 });
  try {
    database.exec('begin exclusive');
  } catch (error) {
    database.close();
    if ((error as { code?: unknown }).code === 'SQLITE_BUSY') return undefined;
    throw error;
  }
  return {
    release: () => {
      database.close();
    },
  };
}
