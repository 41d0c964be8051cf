import { setTimeout as sleep } from 'node:timers/promises';
import { sql, type Kysely } from 'kysely';
import { fail, reasonOf, SeaworthyError } from '#kernel/errors/index.js';
import type { Migration, StorageDialect } from './migration.js';
import { busyTimeoutMs } from './sqlite.js';

/** The one table of this folder: which steps of which owner the database has seen. */
interface MigrationTable {
  seaworthy_migrations: { owner: string; name: string; applied_at: number };
}
type Db = Kysely<MigrationTable>;

/** Any number that is ours: all processes of all versions must take the same advisory lock. */
const advisoryLock = 7_325_927_401;
const lockTimeoutMs = 30_000;
const retryMs = 20;

/**
 * Brings the tables of one owner up to date, one transaction a step. Every transaction takes the lock and reads the
 * record anew, so of two processes that start at once each step is done by one and seen by the other.
 *
 * @throws SW_STORAGE_TOO_NEW, SW_STORAGE_MIGRATION
 */
export async function migrate(
  db: Kysely<unknown>,
  dialect: StorageDialect,
  owner: string,
  migrations: readonly Migration[],
): Promise<void> {
  const ours = db as unknown as Db;
  const step = (): Promise<boolean> =>
    ours
      .connection()
      .execute((connection) =>
        inLockedTransaction(connection, dialect, () => applyNext(connection, dialect, owner, migrations)),
      );
  while (await step());
}

/** Applies the first step that is missing; false when there is none. */
async function applyNext(
  db: Db,
  dialect: StorageDialect,
  owner: string,
  migrations: readonly Migration[],
): Promise<boolean> {
  await db.schema
    .createTable('seaworthy_migrations')
    .ifNotExists()
    .addColumn('owner', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('applied_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('seaworthy_migrations_key', ['owner', 'name'])
    .execute();
  const rows = await db.selectFrom('seaworthy_migrations').select('name').where('owner', '=', owner).execute();
  const applied = new Set(rows.map((row) => row.name));
  const known = new Set(migrations.map((migration) => migration.name));
  for (const name of applied) if (!known.has(name)) throw fail('SW_STORAGE_TOO_NEW', { migration: `${owner}/${name}` });
  const next = migrations.find((migration) => !applied.has(migration.name));
  if (next === undefined) return false;
  try {
    await next.up(db as unknown as Kysely<unknown>, dialect);
  } catch (error) {
    if (error instanceof SeaworthyError) throw error;
    throw fail('SW_STORAGE_MIGRATION', { migration: `${owner}/${next.name}`, reason: reasonOf(error) }, error);
  }
  await db.insertInto('seaworthy_migrations').values({ owner, name: next.name, applied_at: Date.now() }).execute();
  return true;
}

async function inLockedTransaction<T>(db: Db, dialect: StorageDialect, work: () => Promise<T>): Promise<T> {
  await (dialect === 'sqlite' ? beginImmediate(db) : beginWithAdvisoryLock(db));
  try {
    const result = await work();
    await sql`commit`.execute(db);
    return result;
  } catch (error) {
    await sql`rollback`.execute(db);
    throw error;
  }
}

async function beginWithAdvisoryLock(db: Db): Promise<void> {
  await sql`begin`.execute(db);
  await sql`select pg_advisory_xact_lock(${advisoryLock})`.execute(db);
}

/**
 * SQLite's own waiting blocks the whole event loop, and so could wait for a holder in this very process for ever. For
 * this statement it is switched off, and we wait.
 */
async function beginImmediate(db: Db): Promise<void> {
  await sql`pragma busy_timeout = 0`.execute(db);
  try {
    const giveUpAt = performance.now() + lockTimeoutMs;
    while (!(await tryBegin(db, performance.now() >= giveUpAt))) await sleep(retryMs);
  } finally {
    await sql.raw(`pragma busy_timeout = ${busyTimeoutMs}`).execute(db);
  }
}

async function tryBegin(db: Db, isLast: boolean): Promise<boolean> {
  try {
    await sql`begin immediate`.execute(db);
    return true;
  } catch (error) {
    const isBusy = error instanceof SeaworthyError && String(error.details['code']).startsWith('SQLITE_BUSY');
    if (isLast || !isBusy) throw error;
    return false;
  }
}
