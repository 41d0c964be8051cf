import { randomBytes } from 'node:crypto';
import { fail } from '#kernel/errors/index.js';
import type { Migration, Storage } from '#kernel/storage/index.js';
import { hashKey, makeKey } from './api-key.js';

/** An API key as it is kept: everything but the key. */
export interface KeyRecord {
  readonly id: string;
  readonly name: string;
  /** SHA-256 of the key, hexadecimal. */
  readonly hash: string;
  readonly roles: readonly string[];
  /** Epoch milliseconds. */
  readonly createdAt: number;
  readonly expiresAt: number | undefined;
  readonly revokedAt: number | undefined;
}

interface Tables {
  api_key: {
    id: string;
    name: string;
    hash: string;
    roles: string;
    created_at: number;
    expires_at: number | null;
    revoked_at: number | null;
  };
}

export const keyMigrations: readonly Migration[] = [
  {
    name: '0001-api-key',
    up: async (db) => {
      await db.schema
        .createTable('api_key')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('hash', 'text', (column) => column.notNull().unique())
        .addColumn('roles', 'text', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addColumn('expires_at', 'bigint')
        .addColumn('revoked_at', 'bigint')
        .execute();
    },
  },
];

/** The keys in the database. Every process that uses the same database sees the same keys. */
export class KeyStore {
  readonly #storage: Storage;
  readonly #now: () => number;
  #onChange: () => Promise<void> = async () => {};

  private constructor(storage: Storage, now: () => number) {
    this.#storage = storage;
    this.#now = now;
  }

  /** Brings the table up to date. @throws SW_STORAGE_UNAVAILABLE, SW_STORAGE_MIGRATION, SW_STORAGE_TOO_NEW */
  static async open(storage: Storage, now: () => number): Promise<KeyStore> {
    await storage.migrate('auth', keyMigrations);
    return new KeyStore(storage, now);
  }

  /** Calls back after each change made through this store, and waits: a revoked key has stopped when `revoke` returns. */
  onChange(listener: () => Promise<void>): void {
    this.#onChange = listener;
  }

  /** @returns the record and the key itself, which can never be read again */
  async create(
    name: string,
    roles: readonly string[],
    expiresAt?: number,
  ): Promise<{ record: KeyRecord; key: string }> {
    const key = makeKey();
    const record: KeyRecord = {
      id: randomBytes(6).toString('hex'),
      name,
      hash: hashKey(key),
      roles,
      createdAt: this.#now(),
      expiresAt,
      revokedAt: undefined,
    };
    await this.#db
      .insertInto('api_key')
      .values({
        id: record.id,
        name,
        hash: record.hash,
        roles: JSON.stringify(roles),
        created_at: record.createdAt,
        expires_at: expiresAt ?? null,
        revoked_at: null,
      })
      .execute();
    await this.#onChange();
    return { record, key };
  }

  async list(): Promise<KeyRecord[]> {
    const rows = await this.#db.selectFrom('api_key').selectAll().orderBy('created_at').execute();
    return rows.map((row) => ({
      id: row.id,
      name: row.name,
      hash: row.hash,
      roles: JSON.parse(row.roles) as string[],
      createdAt: row.created_at,
      expiresAt: row.expires_at ?? undefined,
      revokedAt: row.revoked_at ?? undefined,
    }));
  }

  /** Ends a key at once. @throws SW_KEY_UNKNOWN */
  async revoke(id: string): Promise<void> {
    const result = await this.#db
      .updateTable('api_key')
      .set({ revoked_at: this.#now() })
      .where('id', '=', id)
      .where('revoked_at', 'is', null)
      .executeTakeFirst();
    if (Number(result.numUpdatedRows) === 0) throw fail('SW_KEY_UNKNOWN', { id });
    await this.#onChange();
  }

  get #db() {
    return this.#storage.tables<Tables>();
  }
}
