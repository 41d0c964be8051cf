import type { Kysely } from 'kysely';

/** The databases behind one query builder. */
export type StorageDialect = 'sqlite' | 'postgres';

/** One step of a schema, run once per database, in a transaction of its own. */
export interface Migration {
  /** Unique per owner and never changed: `0001-keys`. */
  readonly name: string;
  /**
   * Does the step, through the schema builder or `sql`. It must not begin a transaction. Columns that work alike in
   * both dialects: text, integer, bigint (up to 2^53), double precision; booleans as 0 and 1, JSON as text.
   */
  up(db: Kysely<unknown>, dialect: StorageDialect): Promise<void>;
}
