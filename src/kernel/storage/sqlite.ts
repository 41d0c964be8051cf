import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import {
  CompiledQuery,
  SqliteDialect,
  SqliteDriver,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type SqliteDatabase,
  type TransactionSettings,
} from 'kysely';

/** How long a statement waits for another process's write, milliseconds. */
export const busyTimeoutMs = 5_000;

export interface OpenedDialect {
  readonly dialect: Dialect;
  /** A number that changes when another process has written; undefined where there is no such thing. */
  readonly changeCounter?: () => number;
}

/**
 * Opens a SQLite file: write-ahead log, foreign keys on, mode 0600, missing folders made with mode 0700. The address
 * is `sqlite:path`, `sqlite::memory:` or `sqlite:` for `seaworthy.db`; a path without a folder lies in `dataDir`, another
 * relative one is taken from the working folder.
 */
export async function openSqlite(url: string, dataDir: string | undefined): Promise<OpenedDialect> {
  const { default: Database } = await import('better-sqlite3');
  const file = sqliteFile(url.slice('sqlite:'.length), dataDir);
  if (file !== memory) createPrivately(file);
  const database = new Database(file, { timeout: busyTimeoutMs });
  database.pragma('journal_mode = WAL');
  // With a write-ahead log this loses at most the last commits on a power cut, never consistency.
  database.pragma('synchronous = NORMAL');
  database.pragma('foreign_keys = ON');
  return {
    dialect: new ImmediateSqliteDialect(database),
    changeCounter: () => database.pragma('data_version', { simple: true }) as number,
  };
}

class ImmediateSqliteDialect extends SqliteDialect {
  readonly #database: SqliteDatabase;

  constructor(database: SqliteDatabase) {
    super({ database });
    this.#database = database;
  }

  override createDriver(): Driver {
    return new ImmediateSqliteDriver({ database: this.#database });
  }
}

/**
 * Takes the write lock when a transaction begins. SQLite refuses at once, without waiting, a transaction that has read
 * and then wants to write while another process has written in between.
 */
class ImmediateSqliteDriver extends SqliteDriver {
  override async beginTransaction(connection: DatabaseConnection, settings?: TransactionSettings): Promise<void> {
    const isReader = settings?.accessMode === 'read only';
    await connection.executeQuery(CompiledQuery.raw(isReader ? 'begin' : 'begin immediate'));
  }
}

const memory = ':memory:';

function sqliteFile(path: string, dataDir: string | undefined): string {
  const plain = path === '' ? 'seaworthy.db' : path.replace(/^\/\/(?=\/)/, '');
  if (plain === memory || isAbsolute(plain)) return plain;
  return dirname(plain) === '.' && dataDir !== undefined ? join(dataDir, plain) : resolve(plain);
}

/** SQLite gives its log files the mode of the database file, so that one mode protects all three. */
function createPrivately(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  closeSync(openSync(file, 'a', 0o600));
}
