import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SeaworthyError } from '#kernel/errors/index.js';
import { startPostgres, type TestPostgres } from '../../../test/support/postgres.js';
import { openStorage, type Migration, type Storage } from './index.js';

interface Tables {
  notes: { id: number; body: string; at: number };
}

const createNotes: Migration = {
  name: '0001-notes',
  up: async (db) => {
    await db.schema
      .createTable('notes')
      .addColumn('id', 'integer', (column) => column.primaryKey())
      .addColumn('body', 'text', (column) => column.notNull())
      .addColumn('at', 'bigint', (column) => column.notNull())
      .execute();
  },
};
const addTag: Migration = {
  name: '0002-tag',
  up: async (db) => {
    await db.schema.alterTable('notes').addColumn('tag', 'text').execute();
  },
};

let folder = '';
let postgres: TestPostgres | undefined;
let databases = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seaworthy-storage-'));
  postgres = await startPostgres();
}, 60_000);
afterAll(async () => {
  await postgres?.stop();
  await rm(folder, { recursive: true });
});

const freshSqlite = async (): Promise<string> => `sqlite:${join(folder, `db-${(databases += 1)}.db`)}`;

async function freshPostgres(url: string): Promise<string> {
  const admin = await openStorage({ url });
  const name = `db_${(databases += 1)}`;
  await sql.raw(`create database ${name}`).execute(admin.db);
  await admin.close();
  return url.replace(/\/postgres$/, `/${name}`);
}

describe.each(['sqlite', 'postgres'] as const)('storage on %s', (dialect) => {
  const withUrl = (work: (url: string) => Promise<void>) => async (context: { skip: (note?: string) => never }) => {
    if (dialect === 'postgres' && postgres === undefined) context.skip('PostgreSQL is not installed');
    await work(
      postgres !== undefined && dialect === 'postgres' ? await freshPostgres(postgres.url) : await freshSqlite(),
    );
  };
  const using = async (url: string, work: (storage: Storage) => Promise<void>): Promise<void> => {
    const storage = await openStorage({ url });
    try {
      await work(storage);
    } finally {
      await storage.close();
    }
  };

  it(
    'keeps what was written, numbers beyond 32 bits included',
    withUrl(async (url) => {
      const at = Date.UTC(2026, 10, 20);
      await using(url, async (storage) => {
        expect(storage.dialect).toBe(dialect);
        await storage.migrate('notes', [createNotes]);
        await storage.tables<Tables>().insertInto('notes').values({ id: 1, body: 'kept', at }).execute();
      });
      await using(url, async (storage) => {
        expect(await storage.tables<Tables>().selectFrom('notes').selectAll().execute()).toEqual([
          { id: 1, body: 'kept', at },
        ]);
      });
    }),
  );

  it(
    'applies each step once, per owner, however many processes start at once',
    withUrl(async (url) => {
      const storages = await Promise.all([1, 2, 3].map(() => openStorage({ url })));
      let runs = 0;
      const counted: Migration = {
        name: '0001-notes',
        up: async (db, of) => {
          runs += 1;
          // Long enough for the others to come and wait.
          await new Promise((resolve) => setTimeout(resolve, 50));
          await createNotes.up(db, of);
        },
      };
      await Promise.all(storages.map((storage) => storage.migrate('notes', [counted, addTag])));
      await storages[0]?.migrate('other', [{ name: '0001-notes', up: async () => void (runs += 100) }]);
      expect(runs).toBe(101);
      await Promise.all(storages.map((storage) => storage.close()));
    }),
  );

  it(
    'undoes a step that fails, and says which',
    withUrl((url) =>
      using(url, async (storage) => {
        const broken: Migration = {
          name: '0001-notes',
          up: async (db, of) => {
            await createNotes.up(db, of);
            await sql`select * from missing`.execute(db);
          },
        };
        await expect(storage.migrate('notes', [broken])).rejects.toMatchObject({
          code: 'SW_STORAGE_MIGRATION',
          details: { migration: 'notes/0001-notes' },
        });
        await storage.migrate('notes', [createNotes, addTag]);
      }),
    ),
  );

  it(
    'refuses a database that a newer version has written',
    withUrl((url) =>
      using(url, async (storage) => {
        await storage.migrate('notes', [createNotes, addTag]);
        await expect(storage.migrate('notes', [createNotes])).rejects.toMatchObject({ code: 'SW_STORAGE_TOO_NEW' });
      }),
    ),
  );

  it(
    'rolls back a transaction and leaves errors of a statement to the caller',
    withUrl((url) =>
      using(url, async (storage) => {
        await storage.migrate('notes', [createNotes]);
        const note = { id: 1, body: 'a', at: 0 };
        const twice = storage
          .tables<Tables>()
          .transaction()
          .execute(async (trx) => {
            await trx.insertInto('notes').values(note).execute();
            await trx.insertInto('notes').values(note).execute();
          });
        await expect(twice).rejects.toMatchObject({ message: expect.stringMatching(/unique/i) as string });
        await expect(twice).rejects.not.toBeInstanceOf(SeaworthyError);
        expect(await storage.tables<Tables>().selectFrom('notes').selectAll().execute()).toEqual([]);
      }),
    ),
  );

  it(
    'answers a ping until it is closed, and closes twice',
    withUrl(async (url) => {
      const storage = await openStorage({ url });
      await storage.ping();
      await storage.close();
      await storage.close();
      await expect(storage.ping()).rejects.toMatchObject({ code: 'SW_STORAGE_UNAVAILABLE' });
    }),
  );
});

describe('storage on SQLite', () => {
  it('takes the write lock when a transaction begins, so that reading first cannot fail the write', async () => {
    const url = await freshSqlite();
    const [one, two] = [await openStorage({ url }), await openStorage({ url })];
    await sql`pragma busy_timeout = 0`.execute(two.db);
    await one.db.transaction().execute(async (trx) => {
      await sql`select 1`.execute(trx);
      const refused = two.db.transaction().execute(async () => {});
      await expect(refused).rejects.toMatchObject({ code: 'SW_STORAGE_UNAVAILABLE', details: { code: 'SQLITE_BUSY' } });
    });
    await Promise.all([one.close(), two.close()]);
  });

  it('makes its file and folders private, and puts a bare name into the data directory', async () => {
    const dataDir = join(folder, 'data', 'deep');
    const storage = await openStorage({ url: 'sqlite:own.db', dataDir });
    await storage.migrate('notes', [createNotes]);
    for (const name of ['own.db', 'own.db-wal', 'own.db-shm']) {
      expect((await stat(join(dataDir, name))).mode & 0o777).toBe(0o600);
    }
    expect((await stat(dataDir)).mode & 0o777).toBe(0o700);
    await storage.close();
    await (await openStorage({ url: 'sqlite:', dataDir })).close();
    expect((await stat(join(dataDir, 'seaworthy.db'))).mode & 0o777).toBe(0o600);
  });

  it('shows that another connection has written', async () => {
    const url = await freshSqlite();
    const [reader, writer] = [await openStorage({ url }), await openStorage({ url })];
    const before = await reader.changeCounter();
    expect(await reader.changeCounter()).toBe(before);
    await writer.migrate('notes', [createNotes]);
    expect(await reader.changeCounter()).not.toBe(before);
    await Promise.all([reader.close(), writer.close()]);
  });

  it('keeps a database in memory apart from every other', async () => {
    const [one, two] = await Promise.all([1, 2].map(() => openStorage({ url: 'sqlite::memory:' })));
    await one?.migrate('notes', [createNotes]);
    await two?.migrate('notes', [createNotes]);
    await Promise.all([one?.close(), two?.close()]);
  });

  it('refuses a file that is no database', async () => {
    const file = join(folder, 'text.db');
    await writeFile(file, 'this is text, and more of it than a header has room for. '.repeat(20));
    await expect(openStorage({ url: `sqlite:${file}` })).rejects.toMatchObject({ code: 'SW_STORAGE_UNAVAILABLE' });
  });
});

describe('an address that does not work', () => {
  it('is reported without its credentials', async () => {
    const urls = [
      'postgres://admin:pl%40nted@127.0.0.1:1/db',
      'postgres://admin:planted@host name/db',
      'mysql://admin:planted@localhost/db',
    ];
    for (const url of urls) {
      const error: unknown = await openStorage({ url }).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        code: expect.stringMatching(/^SW_(STORAGE_UNAVAILABLE|CONFIG_INVALID)$/) as string,
      });
      expect(inspect(error, { depth: 9 })).not.toMatch(/pl(%40|@|a)nted/);
    }
  });

  it('reports a PostgreSQL that goes away, and works again when it is back', async (context) => {
    if (postgres === undefined) return context.skip('PostgreSQL is not installed');
    const storage = await openStorage({ url: await freshPostgres(postgres.url) });
    const other = await openStorage({ url: postgres.url });
    await sql`select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()`.execute(other.db);
    await expect
      .poll(() =>
        storage.ping().then(
          () => 'back',
          () => 'away',
        ),
      )
      .toBe('back');
    await Promise.all([storage.close(), other.close()]);
  });
});
