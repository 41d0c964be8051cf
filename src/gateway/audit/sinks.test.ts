import { createHmac } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Secret } from '#kernel/secrets/index.js';
import { openStorage, type Storage } from '#kernel/storage/index.js';
import { createMetrics, silentLogger } from '#kernel/telemetry/index.js';
import { auditLines, auditRecord, openTestAudit } from '../../../test/support/audit.js';
import { eventually } from '../../../test/support/eventually.js';
import { startPostgres, type TestPostgres } from '../../../test/support/postgres.js';
import {
  DatabaseJournal,
  databaseSink,
  databaseSources,
  Forwarder,
  openSigningKey,
  queryAudit,
  syslogSink,
  verifyChain,
  verifyingKey,
  webhookSink,
  type Sink,
} from './index.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'audit-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const forwarder = (sink: Sink, maxWaiting = 1000, metrics = createMetrics()) =>
  new Forwarder({ sink, maxWaiting, logger: silentLogger, metrics });

describe.each(['sqlite', 'postgres'] as const)('the table on %s', (dialect) => {
  let postgres: TestPostgres | undefined;
  let storage: Storage;
  beforeAll(async () => {
    if (dialect === 'postgres') postgres = await startPostgres();
  }, 60_000);
  afterAll(() => postgres?.stop());
  beforeEach(async (context) => {
    if (dialect === 'postgres' && !postgres) context.skip();
    storage = await openStorage({ url: postgres?.url ?? 'sqlite::memory:' });
  });
  afterEach(() => storage.close());
  let current = '';
  const verifyAll = async () => {
    const key = verifyingKey((await openSigningKey(join(root, 'keys', 'audit.pem'))).publicKey);
    const sources = await databaseSources(storage, join(root, 'audit'));
    return Promise.all(
      // Another test's chains have another key.
      sources
        .filter(({ name }) => name.includes(current))
        .map(async (source) => verifyChain(source.forwards(), { key, head: await source.head(key) })),
    );
  };

  it('keeps the chain alone, over restarts, and tells of what was changed in it', async () => {
    for (const run of [0, 1]) {
      const journal = await DatabaseJournal.create(storage, 0, () => Date.now());
      const { log } = await openTestAudit(root, { journal });
      for (let i = 0; i < 300; i++) log.write(auditRecord(`${run}-${i}`));
      await log.close();
    }
    const sources = await databaseSources(storage, join(root, 'audit'));
    const page = await queryAudit(sources, { requestId: '1-299' }, 5);
    expect(page.records).toHaveLength(1);
    const chain = page.records[0]?.chain as string;
    current = chain;
    expect(await verifyAll()).toMatchObject([{ problems: [], records: 604 }]);

    const table = storage.tables<{ audit_record: { chain: string; seq: number; record: string } }>();
    await table.deleteFrom('audit_record').where('chain', '=', chain).where('seq', '=', 17).execute();
    expect((await verifyAll()).flatMap(({ problems }) => problems)).toMatchObject([{ kind: 'removed', seq: 17 }]);
  });

  it('gets a copy of what the file keeps', async () => {
    const sink = databaseSink(await DatabaseJournal.create(storage, 0, () => Date.now()));
    const { log, file } = await openTestAudit(root, { forwarders: [forwarder(sink)] });
    for (let i = 0; i < 10; i++) log.write(auditRecord(`copy-${i}`));
    await log.close();
    const lines = await auditLines(file);
    const chain = lines[0]?.['chain'];
    const table = storage.tables<{ audit_record: { chain: string; seq: number; record: string } }>();
    const rows = await table
      .selectFrom('audit_record')
      .selectAll()
      .where('chain', '=', chain as string)
      .orderBy('seq')
      .execute();
    expect(rows.map(({ record }) => JSON.parse(record) as unknown)).toEqual(lines);
  });

  it('forgets what is older than it shall keep, and says so', async () => {
    const later = Date.UTC(2026, 0, 10);
    const journal = await DatabaseJournal.create(storage, 5, () => later);
    const { log } = await openTestAudit(root, { journal, now: () => later });
    log.write(auditRecord('old', { time: Date.UTC(2026, 0, 2) }));
    log.write(auditRecord('new', { time: later }));
    await log.close();
    const again = await openTestAudit(root, { journal, now: () => later });
    await again.log.close();
    const sources = await databaseSources(storage, join(root, 'audit'));
    const page = await queryAudit(sources, { principal: 'laptop', from: Date.UTC(2026, 0, 1), to: later }, 10);
    const mine = page.records.filter(({ members }) => ['old', 'new'].includes(String(members['requestId'])));
    expect(mine.map(({ members }) => members['requestId'])).toEqual(['new']);
    current = mine[0]?.chain as string;
    expect((await verifyAll()).map(({ problems }) => problems)).toEqual([[]]);
  });
});

describe('syslog', () => {
  const message = /^<(\d+)>1 \d{4}-\d\d-\d\dT[\d:.]+Z \S+ seaworthy \d+ (\w+) - (\{.*\})$/s;

  it('gets one datagram of RFC 5424 a record over UDP', async () => {
    const got: string[] = [];
    const server = createSocket('udp4', (data) => got.push(data.toString()));
    await new Promise<void>((resolve) => server.bind(0, '127.0.0.1', resolve));
    const sink = syslogSink({ url: `udp://127.0.0.1:${server.address().port}`, facility: 13 });
    const { log, file } = await openTestAudit(root, { forwarders: [forwarder(sink)] });
    log.write(auditRecord('a', { outcome: 'refused' }));
    await log.close();
    const lines = await auditLines(file);
    await eventually(() => got.length === lines.length);
    server.close();
    expect(got.map((text) => JSON.parse(message.exec(text)?.[3] ?? '') as unknown)).toEqual(lines);
    expect(got.filter((text) => text.includes('"requestId":"a"')).map((text) => message.exec(text)?.[1])).toEqual([
      '108',
    ]);
  });

  it('gets counted frames over TCP, and again over a new connection after it was away', async () => {
    let received = '';
    const sockets: Socket[] = [];
    const listen = (port: number) =>
      new Promise<ReturnType<typeof createTcpServer>>((resolve) => {
        const server = createTcpServer((socket) => {
          sockets.push(socket);
          socket.on('data', (data) => (received += data.toString()));
        });
        server.listen(port, '127.0.0.1', () => {
          resolve(server);
        });
      });
    let server = await listen(0);
    const { port } = server.address() as AddressInfo;
    const { log, file } = await openTestAudit(root, {
      forwarders: [forwarder(syslogSink({ url: `tcp://127.0.0.1:${port}`, facility: 13 }))],
    });
    await eventually(() => received.includes('chain-started'));
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
    await eventually(async () => {
      log.write(auditRecord('while away'));
      await log.flush();
      return log.health().status === 'degraded';
    });
    server = await listen(port);
    await eventually(() => log.health().status === 'healthy', 8000);
    await log.close();
    const last = (await auditLines(file)).at(-1)?.['hash'] as string;
    await eventually(() => received.includes(last));
    server.close();
    let rest = received;
    let frames = 0;
    while (rest !== '') {
      const [head = '', length = ''] = /^(\d+) /.exec(rest) ?? [];
      const frame = Buffer.from(rest.slice(head.length)).subarray(0, Number(length)).toString();
      expect(frame).toMatch(message);
      rest = rest.slice(head.length + frame.length);
      frames++;
    }
    expect(frames).toBeGreaterThan(3);
  }, 20_000);

  it('is refused as an address that is none', () => {
    for (const url of ['', 'http://x', 'udp://'])
      expect(() => syslogSink({ url, facility: 13 })).toThrow('audit.syslog.url');
  });
});

describe('a webhook', () => {
  async function receiver(answer: () => number) {
    const got: { signature: string; delivery: string; body: string }[] = [];
    const server = createHttpServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        const { 'seaworthy-signature': signature, 'seaworthy-delivery': delivery } = request.headers;
        got.push({ signature: String(signature), delivery: String(delivery), body });
        response.writeHead(answer()).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    return { got, url: `http://127.0.0.1:${port}/hook`, close: () => server.close() };
  }
  const secret = new Secret('planted-webhook-secret');
  const sinkTo = (url: string, network: 'any' | 'public' = 'any') =>
    webhookSink({ url, secret, maxBatch: 4, timeoutMs: 2000, network, now: () => Date.now() });

  it('gets signed batches, and the same one again after an answer that is no success', async () => {
    const answers = [503, 200];
    const { got, url, close } = await receiver(() => answers.shift() ?? 200);
    const { log, file } = await openTestAudit(root, { forwarders: [forwarder(sinkTo(url))] });
    for (let i = 0; i < 6; i++) log.write(auditRecord(String(i)));
    await eventually(() => got.length >= 2);
    await log.close();
    close();
    for (const { signature, body } of got) {
      const [, seconds = '', mac] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(signature) ?? [];
      expect(createHmac('sha256', 'planted-webhook-secret').update(`${seconds}.${body}`).digest('hex')).toBe(mac);
      expect(body).not.toContain('planted-webhook-secret');
    }
    expect(got[1]?.delivery).toBe(got[0]?.delivery);
    expect(
      got.slice(1).flatMap(({ body }) =>
        body
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line) as unknown),
      ),
    ).toEqual(await auditLines(file));
  });

  it('is not sent to a private address unless the operator says so', async () => {
    const { got, url, close } = await receiver(() => 200);
    const { log, metrics } = await openTestAudit(root, { forwarders: [forwarder(sinkTo(url, 'public'))] });
    await eventually(() => log.health().status === 'degraded');
    await log.close();
    close();
    expect(got).toEqual([]);
    expect(await metrics.text()).toContain('seaworthy_audit_sink_up');
  });

  it('that is away holds up nothing; beyond the limit records are dropped and counted', async () => {
    const metrics = createMetrics();
    const away = forwarder(sinkTo('http://127.0.0.1:1/'), 5, metrics);
    const { log, file } = await openTestAudit(root, { forwarders: [away] });
    for (let i = 0; i < 20; i++) log.write(auditRecord(String(i)));
    await log.close();
    expect((await auditLines(file)).filter(({ kind }) => kind === 'call')).toHaveLength(20);
    const [, dropped] = /seaworthy_audit_dropped_total\{sink="webhook"\} (\d+)/.exec(await metrics.text()) ?? [];
    expect(Number(dropped)).toBe((await auditLines(file)).length);
  }, 15_000);
});
