import type { CompiledQuery, DatabaseConnection, Dialect, Driver, QueryResult } from 'kysely';
import { fail } from '#kernel/errors/index.js';
import { isUnavailable, storageUnavailable } from './failure.js';

/**
 * The dialect with one change: when the database cannot be used, a query fails with SW_STORAGE_UNAVAILABLE. Errors of
 * a statement (a broken constraint, wrong SQL) stay the driver's own, for the caller knows what they mean.
 */
export function guardedDialect(dialect: Dialect, url: string): Dialect {
  const guard = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      throw isUnavailable(error) ? storageUnavailable(error, url) : error;
    }
  };
  return {
    createDriver: () => guardedDriver(dialect.createDriver(), guard),
    createQueryCompiler: () => dialect.createQueryCompiler(),
    createAdapter: () => dialect.createAdapter(),
    createIntrospector: (db) => dialect.createIntrospector(db),
  };
}

type Guard = <T>(work: Promise<T>) => Promise<T>;

function guardedDriver(driver: Driver, guard: Guard): Driver {
  /** Kysely hands the connection back to the driver, which must get its own. */
  const inner = (connection: DatabaseConnection): DatabaseConnection =>
    connection instanceof GuardedConnection ? connection.connection : connection;
  return {
    init: () => guard(driver.init()),
    acquireConnection: async () => new GuardedConnection(await guard(driver.acquireConnection()), guard),
    beginTransaction: (connection, settings) => guard(driver.beginTransaction(inner(connection), settings)),
    commitTransaction: (connection) => guard(driver.commitTransaction(inner(connection))),
    rollbackTransaction: (connection) => guard(driver.rollbackTransaction(inner(connection))),
    savepoint: async (connection, name, compile) =>
      guard(driver.savepoint?.(inner(connection), name, compile) ?? absent()),
    rollbackToSavepoint: async (connection, name, compile) =>
      guard(driver.rollbackToSavepoint?.(inner(connection), name, compile) ?? absent()),
    releaseSavepoint: async (connection, name, compile) =>
      guard(driver.releaseSavepoint?.(inner(connection), name, compile) ?? absent()),
    releaseConnection: (connection) => driver.releaseConnection(inner(connection)),
    destroy: () => driver.destroy(),
  };
}

/** The interface lets a driver do without savepoints; both of ours have them. */
const absent = (): Promise<never> => Promise.reject(fail('SW_INTERNAL', { reason: 'the driver has no savepoints' }));

class GuardedConnection implements DatabaseConnection {
  readonly connection: DatabaseConnection;
  readonly #guard: Guard;

  constructor(connection: DatabaseConnection, guard: Guard) {
    this.connection = connection;
    this.#guard = guard;
  }

  // `async` on purpose: the SQLite driver throws before it has made a promise.
  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    return this.#guard((async () => this.connection.executeQuery<R>(query))());
  }

  streamQuery<R>(query: CompiledQuery, chunkSize?: number): AsyncIterableIterator<QueryResult<R>> {
    return this.connection.streamQuery<R>(query, chunkSize);
  }
}
