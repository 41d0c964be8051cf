import type { Migration, Storage } from '#kernel/storage/index.js';
import { readRecord, type ChainedRecord, type ChainHead } from './chain.js';
import { readHeads, type ChainSource } from './file-source.js';
import type { Found, Journal } from './journal.js';

interface Row {
  chain: string;
  seq: number;
  /** Epoch milliseconds. */
  time: number;
  principal: string | null;
  provider: string | null;
  name: string | null;
  outcome: string | null;
  code: string | null;
  request_id: string | null;
  record: string;
}

interface Tables {
  audit_record: Row;
}

const auditMigrations: readonly Migration[] = [
  {
    name: '0001-audit-record',
    up: async (db) => {
      await db.schema
        .createTable('audit_record')
        .addColumn('chain', 'text', (column) => column.notNull())
        .addColumn('seq', 'bigint', (column) => column.notNull())
        .addColumn('time', 'bigint', (column) => column.notNull())
        .addColumn('principal', 'text')
        .addColumn('provider', 'text')
        .addColumn('name', 'text')
        .addColumn('outcome', 'text')
        .addColumn('code', 'text')
        .addColumn('request_id', 'text')
        .addColumn('record', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('audit_record_key', ['chain', 'seq'])
        .execute();
      await db.schema.createIndex('audit_record_time').on('audit_record').column('time').execute();
    },
  },
];

const dayMs = 86_400_000;
/** Rows read at once. */
const pageRows = 1000;

/**
 * The chain in a table. `record` is the text that is hashed; the other columns repeat members of it for SQL, and are
 * never what is verified or shown.
 */
export class DatabaseJournal implements Journal {
  readonly name = 'database';
  readonly full = false;
  readonly #storage: Storage;
  readonly #keepDays: number;
  readonly #now: () => number;
  #chain: string | undefined;

  private constructor(storage: Storage, keepDays: number, now: () => number) {
    this.#storage = storage;
    this.#keepDays = keepDays;
    this.#now = now;
  }

  /**
   * Brings the table up to date.
   * @param keepDays age at which records are removed; 0 keeps all
   * @throws SW_STORAGE_UNAVAILABLE, SW_STORAGE_MIGRATION, SW_STORAGE_TOO_NEW
   */
  static async create(storage: Storage, keepDays: number, now: () => number): Promise<DatabaseJournal> {
    await storage.migrate('audit', auditMigrations);
    return new DatabaseJournal(storage, keepDays, now);
  }

  async open(chain: string | undefined): Promise<Found> {
    const nothing: Found = { head: undefined, cut: undefined, damaged: undefined };
    if (chain === undefined) return nothing;
    const row = await this.#db
      .selectFrom('audit_record')
      .select('record')
      .where('chain', '=', chain)
      .orderBy('seq', 'desc')
      .limit(1)
      .executeTakeFirst();
    if (!row) return nothing;
    const record = readRecord(row.record);
    return record?.intact ? { ...nothing, head: record } : { ...nothing, damaged: 'the last row is no intact record' };
  }

  /** A row that is there already came with an attempt whose answer was lost. */
  async append(records: readonly ChainedRecord[]): Promise<void> {
    await this.#db
      .insertInto('audit_record')
      .values(records.map(rowOf))
      .onConflict((conflict) => conflict.columns(['chain', 'seq']).doNothing())
      .execute();
    this.#chain = records.at(-1)?.chain ?? this.#chain;
  }

  async rotate(): Promise<void> {}

  async retain(): Promise<ChainHead | undefined> {
    if (this.#keepDays === 0 || this.#chain === undefined) return undefined;
    const tooOld = this.#now() - this.#keepDays * dayMs;
    const last = await this.#db
      .selectFrom('audit_record')
      .select('record')
      .where('chain', '=', this.#chain)
      .where('time', '<', tooOld)
      .orderBy('seq', 'desc')
      .limit(1)
      .executeTakeFirst();
    const record = last && readRecord(last.record);
    if (!record) return undefined;
    const { chain, seq, hash } = record;
    await this.#db.deleteFrom('audit_record').where('chain', '=', chain).where('seq', '<=', seq).execute();
    return { chain, seq, hash };
  }

  async sync(): Promise<void> {}

  async close(): Promise<void> {}

  get #db() {
    return this.#storage.tables<Tables>();
  }
}

function rowOf({ chain, seq, time, text }: ChainedRecord): Row {
  const members = JSON.parse(text) as Record<string, unknown>;
  const { provider, name, shown, outcome, code, requestId, principal } = members;
  const column = (value: unknown): string | null => (typeof value === 'string' ? value : null);
  return {
    chain,
    seq,
    time,
    principal: column((principal as { id?: unknown } | undefined)?.id),
    provider: column(provider),
    name: column(name ?? shown),
    outcome: column(outcome),
    code: column(code),
    request_id: column(requestId),
    record: text,
  };
}

/**
 * The chains in the table, of every process that writes to this database.
 * @param root directory whose processes keep the last checkpoints of their chains
 */
export async function databaseSources(storage: Storage, root: string): Promise<ChainSource[]> {
  await storage.migrate('audit', auditMigrations);
  const db = storage.tables<Tables>();
  const chains = await db.selectFrom('audit_record').select('chain').distinct().orderBy('chain').execute();
  const pages = async function* (chain: string, direction: 'asc' | 'desc') {
    let behind: number | undefined;
    for (;;) {
      let page = db.selectFrom('audit_record').select(['seq', 'record']).where('chain', '=', chain);
      if (behind !== undefined) page = page.where('seq', direction === 'asc' ? '>' : '<', behind);
      const rows = await page.orderBy('seq', direction).limit(pageRows).execute();
      yield* rows;
      behind = rows.at(-1)?.seq;
      if (rows.length < pageRows) return;
    }
  };
  return chains.map(({ chain }) => ({
    name: `audit_record, chain ${chain}`,
    async *forwards() {
      for await (const { seq, record } of pages(chain, 'asc'))
        yield { text: record, whole: true, place: `audit_record:${seq}` };
    },
    async *backwards() {
      for await (const row of pages(chain, 'desc')) {
        const record = readRecord(row.record);
        if (record) yield record;
      }
    },
    head: async (key) => (await readHeads(root, key)).find((head) => head.chain === chain),
  }));
}

/** Copies the chain into the table, for a log whose first sink is the file. */
export const databaseSink = (journal: DatabaseJournal) => ({
  name: 'database' as const,
  maxBatch: 256,
  send: (records: readonly ChainedRecord[]) => journal.append(records),
  close: () => journal.close(),
});
