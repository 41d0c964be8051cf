import { randomBytes } from 'node:crypto';
import { fail } from '#kernel/errors/index.js';
import { isAddressEntry } from '#kernel/http/index.js';
import type { Migration, Storage } from '#kernel/storage/index.js';
import { hashKey, makeKey } from './api-key.js';

/** What can be said of a key that is made. */
export interface KeyDetails {
  /** Epoch milliseconds; without, it does not expire. */
  readonly expiresAt?: number | undefined;
  /** Without, the key has no such notion and its roles alone count. */
  readonly scopes?: readonly string[] | undefined;
  /** Addresses and networks (`10.0.0.0/8`) that it may be used from; empty: from anywhere. Default empty. */
  readonly addresses?: readonly string[] | undefined;
  readonly description?: string | undefined;
}

/** An API key as it is kept: everything but the key. */
export interface KeyRecord {
  readonly id: string;
  readonly name: string;
  readonly description: string | undefined;
  /** SHA-256 of the key, hexadecimal. */
  readonly hash: string;
  /** The key that a rotation replaced, while it still works. */
  readonly previous: { readonly hash: string; readonly until: number } | undefined;
  readonly roles: readonly string[];
  readonly scopes: readonly string[] | undefined;
  readonly addresses: readonly string[];
  /** Epoch milliseconds, like all times here. */
  readonly createdAt: number;
  readonly expiresAt: number | undefined;
  readonly revokedAt: number | undefined;
  /** To the minute. */
  readonly lastUsedAt: number | undefined;
}

interface Row {
  id: string;
  name: string;
  description: string | null;
  hash: string;
  previous_hash: string | null;
  previous_until: number | null;
  roles: string;
  scopes: string | null;
  addresses: string;
  created_at: number;
  expires_at: number | null;
  revoked_at: number | null;
  last_used_at: number | null;
}

interface Tables {
  api_key: Row;
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
  {
    name: '0002-api-key-in-full',
    up: async (db) => {
      const add = (name: string, type: 'text' | 'bigint') =>
        db.schema.alterTable('api_key').addColumn(name, type).execute();
      for (const name of ['description', 'previous_hash', 'scopes']) await add(name, 'text');
      for (const name of ['previous_until', 'last_used_at']) await add(name, 'bigint');
      await db.schema
        .alterTable('api_key')
        .addColumn('addresses', 'text', (column) => column.notNull().defaultTo('[]'))
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

  /**
   * @returns the record and the key itself, which can never be read again
   * @throws SW_KEY_INVALID
   */
  async create(
    name: string,
    roles: readonly string[],
    details: KeyDetails = {},
  ): Promise<{ record: KeyRecord; key: string }> {
    const key = makeKey();
    const record: KeyRecord = {
      id: randomBytes(6).toString('hex'),
      name,
      description: details.description,
      hash: hashKey(key),
      previous: undefined,
      roles,
      scopes: details.scopes,
      addresses: details.addresses ?? [],
      createdAt: this.#now(),
      expiresAt: details.expiresAt,
      revokedAt: undefined,
      lastUsedAt: undefined,
    };
    const problem = problemOf(record);
    if (problem !== undefined) throw fail('SW_KEY_INVALID', { reason: problem });
    await this.#db.insertInto('api_key').values(rowOf(record)).execute();
    await this.#onChange();
    return { record, key };
  }

  async list(): Promise<KeyRecord[]> {
    const rows = await this.#db.selectFrom('api_key').selectAll().orderBy('created_at').execute();
    return rows.map(recordOf);
  }

  /**
   * Gives the key a new secret; everything else of it stays, and so do its id and its principal. The present secret
   * works for `overlapMs` more, one that an earlier rotation replaced ends now.
   * @throws SW_KEY_UNKNOWN, also for a key that is revoked or has expired
   */
  async rotate(id: string, overlapMs: number): Promise<{ record: KeyRecord; key: string }> {
    const found = (await this.list()).find((record) => record.id === id);
    const now = this.#now();
    if (!found || found.revokedAt !== undefined || (found.expiresAt ?? Infinity) <= now)
      throw fail('SW_KEY_UNKNOWN', { id });
    const key = makeKey();
    const previous = overlapMs > 0 ? { hash: found.hash, until: now + overlapMs } : undefined;
    const record: KeyRecord = { ...found, hash: hashKey(key), previous };
    const { hash, previous_hash, previous_until } = rowOf(record);
    const result = await this.#db
      .updateTable('api_key')
      .set({ hash, previous_hash, previous_until })
      .where('id', '=', id)
      .where('revoked_at', 'is', null)
      // Two rotations at once: the second would end a secret that was just given out.
      .where('hash', '=', found.hash)
      .executeTakeFirst();
    if (Number(result.numUpdatedRows) === 0) throw fail('SW_KEY_UNKNOWN', { id });
    await this.#onChange();
    return { record, key };
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

  /** Keeps when keys were last used, epoch milliseconds by id. */
  async markUsed(used: ReadonlyMap<string, number>): Promise<void> {
    await this.#storage
      .tables<Tables>()
      .transaction()
      .execute(async (db) => {
        for (const [id, at] of used)
          await db.updateTable('api_key').set({ last_used_at: at }).where('id', '=', id).execute();
      });
  }

  get #db() {
    return this.#storage.tables<Tables>();
  }
}

const rowOf = (record: KeyRecord): Row => ({
  id: record.id,
  name: record.name,
  description: record.description ?? null,
  hash: record.hash,
  previous_hash: record.previous?.hash ?? null,
  previous_until: record.previous?.until ?? null,
  roles: JSON.stringify(record.roles),
  scopes: record.scopes === undefined ? null : JSON.stringify(record.scopes),
  addresses: JSON.stringify(record.addresses),
  created_at: record.createdAt,
  expires_at: record.expiresAt ?? null,
  revoked_at: record.revokedAt ?? null,
  last_used_at: record.lastUsedAt ?? null,
});

const recordOf = (row: Row): KeyRecord => ({
  id: row.id,
  name: row.name,
  description: row.description ?? undefined,
  hash: row.hash,
  previous: row.previous_hash === null ? undefined : { hash: row.previous_hash, until: row.previous_until ?? 0 },
  roles: JSON.parse(row.roles) as string[],
  scopes: row.scopes === null ? undefined : (JSON.parse(row.scopes) as string[]),
  addresses: JSON.parse(row.addresses) as string[],
  createdAt: row.created_at,
  expiresAt: row.expires_at ?? undefined,
  revokedAt: row.revoked_at ?? undefined,
  lastUsedAt: row.last_used_at ?? undefined,
});

/** RFC 6749, section 3.3: a scope is printable ASCII without space, quote and backslash. */
const scopePattern = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

function problemOf({ name, description, scopes, addresses }: KeyRecord): string | undefined {
  if (name.trim() === '' || name.length > 100) return 'its name has 1 to 100 characters';
  if ((description?.length ?? 0) > 500) return 'its description has at most 500 characters';
  const scope = scopes?.find((one) => !scopePattern.test(one));
  if (scope !== undefined) return `"${scope}" is no scope`;
  const entry = addresses.find((one) => !isAddressEntry(one));
  return entry === undefined ? undefined : `"${entry}" is neither an address nor a network such as 10.0.0.0/8`;
}
