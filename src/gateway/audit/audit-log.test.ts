import { appendFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../../../test/support/eventually.js';
import { auditLines, auditRecord, openTestAudit } from '../../../test/support/audit.js';
import { FileJournal } from './index.js';
import { hashOf, noHash } from './chain.js';
import { checkpointText, verifyingKey } from './signing-key.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'audit-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const idsOf = (lines: readonly Record<string, unknown>[]) =>
  lines.flatMap(({ requestId }) => (typeof requestId === 'string' ? [requestId] : []));
const eventsOf = (lines: readonly Record<string, unknown>[]) => lines.flatMap(({ event }) => event ?? []);

describe('the audit log', () => {
  it('keeps one object a line with the members of its reference, for its owner only', async () => {
    const { log, file } = await openTestAudit(root);
    log.write(
      auditRecord('a', {
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        arguments: { path: 'x'.repeat(12), deep: { n: 1 } },
        shown: 'p__x',
        code: 'SW_ACCESS_DENIED',
        outcome: 'refused',
      }),
    );
    await log.close();
    const line = (await auditLines(file)).find(({ kind }) => kind === 'call');
    expect(line).toMatchObject({
      v: 1,
      kind: 'call',
      time: '2026-01-02T00:00:00.000Z',
      requestId: 'a',
      traceId: '0af7651916cd43dd8448eb211c80319c',
      principal: { id: 'key:1', kind: 'key', name: 'laptop' },
      address: '127.0.0.1',
      transport: 'http',
      name: 'line\nbreak "and" \u2028',
      shown: 'p__x',
      arguments: { path: 'string(12)', deep: { n: 'number' } },
      outcome: 'refused',
      code: 'SW_ACCESS_DENIED',
    });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('gets what was written without anybody asking, in order', async () => {
    const { log, file } = await openTestAudit(root, { flushMs: 5 });
    for (let i = 0; i < 600; i++) log.write(auditRecord(String(i)));
    await eventually(async () => idsOf(await auditLines(file)).length === 600);
    expect(idsOf(await auditLines(file))).toEqual(Array.from({ length: 600 }, (_, i) => String(i)));
    await log.close();
  });

  it('loses nothing on close, while other batches are being written', async () => {
    const { log, file } = await openTestAudit(root);
    for (let i = 0; i < 900; i++) {
      log.write(auditRecord(String(i)));
      if (i % 50 === 0) void log.flush();
    }
    await log.close();
    expect(idsOf(await auditLines(file))).toHaveLength(900);
  });

  it('chains each record to the one before it, over restarts and rotations', async () => {
    for (const id of ['a', 'b', 'c']) {
      const { log } = await openTestAudit(root, { file: { maxFileBytes: 300 } });
      log.write(auditRecord(id));
      await log.close();
    }
    const names = (await readdir(join(root, 'audit'))).filter((name) => name.startsWith('audit.jsonl')).sort();
    expect(names.length).toBeGreaterThan(2);
    const current = names.filter((name) => name === 'audit.jsonl');
    const files = [...names.filter((name) => name !== 'audit.jsonl'), ...current];
    let prev = noHash;
    let seq = 0;
    for (const name of files)
      for (const text of (await readFile(join(root, 'audit', name), 'utf8'))
        .split('\n')
        .filter((line) => line !== '')) {
        const line = JSON.parse(text) as { seq: number; prev: string; hash: string };
        expect([line.seq, line.prev]).toEqual([seq++, prev]);
        expect(hashOf(text.replace(`,"hash":"${line.hash}"`, ''))).toBe(line.hash);
        prev = line.hash;
      }
    expect(seq).toBeGreaterThan(6);
  });

  it('signs a checkpoint after so many records, after a time, at rotation and at the end', async () => {
    const { log, file } = await openTestAudit(root, { checkpointRecords: 3, checkpointMs: 100 });
    for (const id of ['a', 'b', 'c']) log.write(auditRecord(id));
    await log.flush();
    log.write(auditRecord('d'));
    await log.flush();
    await eventually(
      async () => eventsOf(await auditLines(file)).filter((event) => event === 'checkpoint').length === 3,
    );
    log.write(auditRecord('e'));
    await log.close();
    const lines = await auditLines(file);
    const started = lines[0] as { publicKey: string; key: string };
    const key = verifyingKey(started.publicKey);
    expect(key.id).toBe(started.key);
    const checkpoints = lines.filter(({ event }) => event === 'checkpoint');
    expect(checkpoints.map(({ detail }) => detail)).toEqual(
      ['start', 'records', 'time', 'stop'].map((reason) => ({ reason })),
    );
    for (const { chain, seq, prev, signature } of checkpoints as {
      chain: string;
      seq: number;
      prev: string;
      signature: string;
    }[]) {
      expect(key.verify(checkpointText({ chain, seq: seq - 1, hash: prev }), signature)).toBe(true);
      expect(key.verify(checkpointText({ chain, seq, hash: prev }), signature)).toBe(false);
    }
  });

  it('gives a second process at the same time a directory of its own', async () => {
    const one = await openTestAudit(root);
    const two = await openTestAudit(root);
    one.log.write(auditRecord('one'));
    two.log.write(auditRecord('two'));
    await Promise.all([one.log.close(), two.log.close()]);
    expect(idsOf(await auditLines(one.file))).toEqual(['one']);
    expect(idsOf(await auditLines(two.file))).toEqual(['two']);
    expect(two.directory).toBe(join(root, 'audit', 'process-2'));
    const three = await openTestAudit(root);
    expect(three.directory).toBe(one.directory);
    await three.log.close();
  });
});

describe('a log that was not ended in order', () => {
  async function killed(): Promise<string> {
    const { log, file, directory } = await openTestAudit(root);
    log.write(auditRecord('a'));
    await log.close();
    expect(directory).toBe(join(root, 'audit'));
    return file;
  }

  it('tells of a last line that was cut, and goes on behind the line before', async () => {
    const file = await killed();
    await appendFile(file, '{"v":1,"chain":"x","kind":"call","requ\u00e9'.slice(0, 40));
    const { log } = await openTestAudit(root);
    log.write(auditRecord('b'));
    await log.close();
    const lines = await auditLines(file);
    expect(idsOf(lines)).toEqual(['a', 'b']);
    expect(lines.find(({ event }) => event === 'tail-cut')).toMatchObject({
      detail: { text: expect.stringContaining('requ') as string },
    });
    expect(lines.map(({ seq }) => seq)).toEqual(lines.map((_, i) => i));
  });

  it('leaves the hole where the end is missing', async () => {
    const file = await killed();
    const lines = (await readFile(file, 'utf8')).split('\n');
    await writeFile(file, `${lines.slice(0, 2).join('\n')}\n`);
    const { log } = await openTestAudit(root);
    await log.close();
    const after = await auditLines(file);
    const missing = after.find(({ event }) => event === 'tail-missing');
    expect(missing).toMatchObject({ detail: { from: 2, through: lines.length - 2 } });
    expect(missing?.['seq']).toBe(lines.length - 1);
  });

  it('begins a new chain behind a line that is no record', async () => {
    const file = await killed();
    await appendFile(file, '{"not":"a record"}\n');
    const { log, directory } = await openTestAudit(root);
    await log.close();
    expect((await auditLines(file))[0]).toMatchObject({
      seq: 0,
      event: 'chain-started',
      detail: { damaged: expect.any(String) as string },
    });
    expect((await readdir(directory)).filter((name) => name.startsWith('audit.jsonl.'))).toHaveLength(1);
  });
});

describe('records that cannot be kept', () => {
  /** A journal over a real file that fails on command, half of a batch written. */
  class FailingJournal extends FileJournal {
    failing = false;
    override async append(records: Parameters<FileJournal['append']>[0]) {
      if (!this.failing) return super.append(records);
      await appendFile(join(root, 'audit', 'audit.jsonl'), '{"half":');
      // As after any failure of its own.
      await this.close();
      throw new RangeError('no space left');
    }
  }
  const journal = () =>
    new FailingJournal({
      directory: join(root, 'audit'),
      maxFileBytes: 2 ** 20,
      retention: { keepDays: 0, keepBytes: 0, keepFiles: 0 },
      now: () => Date.now(),
      logger: { debug() {}, info() {}, warn() {}, error() {}, level: 'silent', child: () => fails() },
    });
  const fails = (): never => {
    throw new TypeError('not used');
  };

  it('wait for the disk, and nothing is lost or half written when it is back', async () => {
    const failing = journal();
    const { log, file, metrics } = await openTestAudit(root, { journal: failing });
    failing.failing = true;
    log.write(auditRecord('a'));
    await log.flush();
    log.write(auditRecord('b'));
    expect(log.health()).toMatchObject({ status: 'degraded' });
    expect(log.refusal).toBeUndefined();
    expect(await metrics.text()).toContain('seaworthy_audit_sink_up{sink="file"} 0');
    failing.failing = false;
    await eventually(async () => log.health().status === 'healthy');
    await log.close();
    const lines = await auditLines(file).catch(() => []);
    expect(idsOf(lines)).toEqual(['a', 'b']);
  });

  it('make every request refused where the operator wants that', async () => {
    const failing = journal();
    const { log } = await openTestAudit(root, { journal: failing, onFailure: 'closed' });
    expect(log.refusal).toBeUndefined();
    failing.failing = true;
    log.write(auditRecord('a'));
    await log.flush();
    expect(log.refusal?.code).toBe('SW_AUDIT_UNAVAILABLE');
    expect(log.health().status).toBe('unhealthy');
    log.settings = { arguments: 'shape', onFailure: 'open' };
    expect(log.refusal).toBeUndefined();
    failing.failing = false;
    await log.close();
  });

  it('are counted beyond the limit, and a record tells how many', async () => {
    const { log, file, metrics } = await openTestAudit(root, { maxWaiting: 3 });
    for (let i = 0; i < 10; i++) log.write(auditRecord(String(i)));
    expect(await metrics.text()).toContain('seaworthy_audit_dropped_total{sink="file"} 7');
    await log.close();
    const lines = await auditLines(file);
    expect(idsOf(lines)).toEqual(['0', '1', '2']);
    expect(lines.find(({ event }) => event === 'records-dropped')).toMatchObject({ detail: { records: 7 } });
  });
});

describe('retention', () => {
  it('removes the oldest files, and the chain says so', async () => {
    const retention = { keepDays: 0, keepBytes: 0, keepFiles: 1 };
    const { log, directory, file } = await openTestAudit(root, { file: { maxFileBytes: 300, retention } });
    for (const id of ['a', 'b', 'c', 'd']) {
      log.write(auditRecord(id));
      await log.flush();
    }
    await log.close();
    expect((await readdir(directory)).filter((name) => name.startsWith('audit.jsonl.'))).toHaveLength(1);
    const kept = (await readdir(directory)).find((name) => name.startsWith('audit.jsonl.')) as string;
    const lines = [...(await auditLines(join(directory, kept))), ...(await auditLines(file))];
    const removed = lines.filter(({ event }) => event === 'records-removed').at(-1);
    expect(removed).toMatchObject({ detail: { through: (lines[0]?.['seq'] as number) - 1, hash: lines[0]?.['prev'] } });
  });
});

describe('security events', () => {
  it('are counted by their own name or by the code of a refusal', async () => {
    const { log, metrics } = await openTestAudit(root);
    log.write({ kind: 'security', event: 'key.created', time: 0, outcome: 'ok' });
    log.write(auditRecord('a', { outcome: 'refused', code: 'SW_ACCESS_DENIED' }));
    log.write(auditRecord('b', { outcome: 'refused', code: 'SW_TOOL_UNKNOWN' }));
    await log.close();
    const text = await metrics.text();
    expect(text).toContain('seaworthy_security_events_total{event="key.created"} 1');
    expect(text).toContain('seaworthy_security_events_total{event="policy.refused"} 1');
    expect(text.match(/^seaworthy_security_events_total\{/gm)).toHaveLength(2);
  });
});
