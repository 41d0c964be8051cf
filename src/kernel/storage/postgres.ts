import { PostgresDialect } from 'kysely';
import type { OpenedDialect } from './sqlite.js';

const maxConnections = 10;
const connectTimeoutMs = 5_000;

/** Opens a pool of connections to a PostgreSQL address. The driver is loaded here, for most servers never need it. */
export async function openPostgres(url: string): Promise<OpenedDialect> {
  const { default: pg } = await import('pg');
  const types = new pg.TypeOverrides();
  // 64-bit integers as numbers, as SQLite returns them: times in milliseconds and counts stay below 2^53.
  types.setTypeParser(pg.types.builtins.INT8, Number);
  const pool = new pg.Pool({
    connectionString: url,
    max: maxConnections,
    connectionTimeoutMillis: connectTimeoutMs,
    application_name: 'seaworthy',
    types,
  });
  // Without a listener, a lost idle connection would end the process. The pool has dropped it already, and the next
  // query connects again or reports why it cannot.
  pool.on('error', () => {});
  return { dialect: new PostgresDialect({ pool }) };
}
