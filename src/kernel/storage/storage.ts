import { Kysely, sql } from 'kysely';
import { fail } from '#kernel/errors/index.js';
import { storageUnavailable } from './failure.js';
import { guardedDialect } from './guarded-dialect.js';
import { migrate } from './migrate.js';
import type { Migration, StorageDialect } from './migration.js';
import { openPostgres } from './postgres.js';
import { openSqlite, type OpenedDialect } from './sqlite.js';

/**
 * One database. Every query fails with SW_STORAGE_UNAVAILABLE when the database cannot be used; errors of a statement
 * are the driver's own.
 */
export interface Storage {
  readonly dialect: StorageDialect;
  /** The query builder without table types, for `sql` and the schema builder. */
  readonly db: Kysely<unknown>;
  /** The query builder over the tables that the caller owns: `storage.tables<{ keys: KeyRow }>()`. */
  tables<Tables>(): Kysely<Tables>;
  /**
   * Brings the tables of one owner up to date; see `Migration`. Safe when several processes start at once.
   * @throws SW_STORAGE_TOO_NEW when a newer version has been here; SW_STORAGE_MIGRATION
   */
  migrate(owner: string, migrations: readonly Migration[]): Promise<void>;
  /** Resolves when the database answers. @throws SW_STORAGE_UNAVAILABLE */
  ping(): Promise<void>;
  /**
   * A number that differs from the last one when another connection has written meanwhile (SQLite's data_version), so
   * that a cache can see a write of the command line; null on PostgreSQL, which has no such thing.
   */
  changeCounter(): Promise<number> | null;
  /** Works twice. */
  close(): Promise<void>;
}

export interface StorageOptions {
  /** `sqlite:path`, `sqlite:` (`seaworthy.db` in `dataDir`), `sqlite::memory:` or `postgres://user:password@host:port/database`. */
  readonly url: string;
  /** Where a SQLite path without a folder lies. Default: the working folder. */
  readonly dataDir?: string;
}

/**
 * Opens the database and waits until it answers.
 * @throws SW_STORAGE_UNAVAILABLE, whose message holds no credentials; SW_CONFIG_INVALID for another kind of address
 */
export async function openStorage(options: StorageOptions): Promise<Storage> {
  const { url } = options;
  const dialect = dialectOf(url);
  let opened: OpenedDialect;
  try {
    opened = await (dialect === 'sqlite' ? openSqlite(url, options.dataDir) : openPostgres(url));
  } catch (error) {
    throw storageUnavailable(error, url);
  }
  const storage = makeStorage(dialect, opened, url);
  try {
    await storage.ping();
  } catch (error) {
    await storage.close();
    throw error;
  }
  return storage;
}

function makeStorage(dialect: StorageDialect, opened: OpenedDialect, url: string): Storage {
  const db = new Kysely<unknown>({ dialect: guardedDialect(opened.dialect, url) });
  const { changeCounter } = opened;
  return {
    dialect,
    db,
    // The types of tables exist for the compiler only: one builder serves all owners.
    tables: <Tables>() => db as unknown as Kysely<Tables>,
    migrate: (owner, migrations) => migrate(db, dialect, owner, migrations),
    ping: async () => {
      try {
        await sql`select 1`.execute(db);
      } catch (error) {
        throw storageUnavailable(error, url);
      }
    },
    changeCounter: () => (changeCounter === undefined ? null : Promise.resolve(changeCounter())),
    close: () => db.destroy(),
  };
}

function dialectOf(url: string): StorageDialect {
  if (url.startsWith('sqlite:')) return 'sqlite';
  if (/^postgres(?:ql)?:\/\//.test(url)) return 'postgres';
  // The address is not repeated: a mistyped one may still hold a password.
  throw fail('SW_CONFIG_INVALID', { reason: 'storage.url must begin with sqlite: or postgres://' });
}
