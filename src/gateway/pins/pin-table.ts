import type { Migration, Storage } from '#kernel/storage/index.js';
import { emptyPinSet, parsePinSet, renderPinSet, withPins, type PinSet } from './pin-set.js';

interface Tables {
  pin_set: { provider: string; locked: number; revision: number; pins: string };
}

const pinMigrations: readonly Migration[] = [
  {
    name: '0001-pin-set',
    up: async (db) => {
      await db.schema
        .createTable('pin_set')
        .addColumn('provider', 'text', (column) => column.primaryKey())
        .addColumn('locked', 'integer', (column) => column.notNull())
        .addColumn('revision', 'bigint', (column) => column.notNull())
        .addColumn('pins', 'text', (column) => column.notNull())
        .execute();
    },
  },
];

/** The pins in the database, a row for each server. Every process that uses the same database sees the same pins. */
export class PinTable {
  readonly #storage: Storage;

  private constructor(storage: Storage) {
    this.#storage = storage;
  }

  /** @throws SW_STORAGE_UNAVAILABLE, SW_STORAGE_MIGRATION, SW_STORAGE_TOO_NEW */
  static async open(storage: Storage): Promise<PinTable> {
    await storage.migrate('pins', pinMigrations);
    return new PinTable(storage);
  }

  /** Differs when any row does. */
  async stamp(): Promise<string> {
    const rows = await this.#db.selectFrom('pin_set').select(['provider', 'revision']).orderBy('provider').execute();
    return rows.map(({ provider, revision }) => `${provider} ${revision}`).join('\n');
  }

  async read(): Promise<Map<string, PinSet>> {
    const rows = await this.#db.selectFrom('pin_set').selectAll().execute();
    return new Map(rows.map(({ provider, locked, pins }) => [provider, parsePinSet(JSON.parse(pins), locked === 1)]));
  }

  /** Changes the pins of one server as they are in the database at that moment. */
  async change(provider: string, change: (set: PinSet) => PinSet): Promise<void> {
    await this.#db.transaction().execute(async (db) => {
      const row = await db.selectFrom('pin_set').selectAll().where('provider', '=', provider).executeTakeFirst();
      const next = change(row ? parsePinSet(JSON.parse(row.pins), row.locked === 1) : emptyPinSet);
      const values = {
        locked: next.locked ? 1 : 0,
        revision: (row?.revision ?? 0) + 1,
        pins: JSON.stringify(renderPinSet(next)),
      };
      await db
        .insertInto('pin_set')
        .values({ provider, ...values })
        .onConflict((conflict) => conflict.column('provider').doUpdateSet(values))
        .execute();
    });
  }

  get #db() {
    return this.#storage.tables<Tables>();
  }
}

/** What was trusted at first sight is added to a set; what somebody decided meanwhile stays. */
export const addTrusted = (set: PinSet, trusted: PinSet): PinSet =>
  set.locked
    ? set
    : withPins(
        set,
        (Object.keys(trusted.pins) as (keyof PinSet['pins'])[]).flatMap((kind) =>
          [...trusted.pins[kind]]
            .filter(([name]) => !set.pins[kind].has(name))
            .map(([name, pin]) => ({ kind, name, pin })),
        ),
        set.locked,
      );
