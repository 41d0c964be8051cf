import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '#kernel/telemetry/index.js';
import { jsonlSink, type AuditRecord, type JsonlSinkOptions } from './index.js';
import { eventually } from '../../../test/support/eventually.js';

let directory: string;
let dropped: number;
let now: number;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'audit-'));
  dropped = 0;
  now = 0;
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const record = (requestId: string): AuditRecord => ({
  time: Date.UTC(2026, 0, 2),
  requestId,
  principal: 'key:1',
  family: 'modern',
  revision: '2026-07-28',
  method: 'tools/call',
  provider: 'p',
  target: 'line\nbreak "and" \u2028',
  outcome: 'ok',
  code: undefined,
  durationMs: 1.5,
  bytesIn: 10,
});

const file = () => join(directory, 'deep', 'audit.jsonl');
/** The name that the file gets at its rotation `second` seconds into the test's time. */
const aside = (second: number) => `${file()}.1970-01-01T00-00-0${String(second)}-000Z`;
const sink = (options: Partial<JsonlSinkOptions> = {}) =>
  jsonlSink({
    file: file(),
    logger: silentLogger,
    now: () => (now += 1000),
    flushMs: 5,
    maxWaiting: 1000,
    maxFileBytes: 1024 * 1024,
    onDropped: (count) => (dropped += count),
    ...options,
  });
const linesOf = async (path: string) =>
  (await readFile(path, 'utf8'))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { requestId: string; time: string });

describe('the audit file', () => {
  it('has one object a line with an ISO time, and is for its owner only', async () => {
    const audit = sink();
    audit.write(record('a'));
    await audit.close();
    expect(await linesOf(file())).toEqual(
      [{ ...record('a'), time: '2026-01-02T00:00:00.000Z', code: undefined }].map(
        (kept) => JSON.parse(JSON.stringify(kept)) as object,
      ),
    );
    expect((await stat(file())).mode & 0o777).toBe(0o600);
  });

  it('gets what was written without anybody asking, in order', async () => {
    const audit = sink();
    for (let i = 0; i < 100; i++) audit.write(record(String(i)));
    await eventually(async () => (await linesOf(file()).catch(() => [])).length === 100);
    expect((await linesOf(file())).map(({ requestId }) => requestId)).toEqual(
      Array.from({ length: 100 }, (_, i) => String(i)),
    );
    await audit.close();
  });

  it('loses nothing on close, while other batches are being written', async () => {
    const audit = sink({ flushMs: 60_000 });
    for (let i = 0; i < 500; i++) {
      audit.write(record(String(i)));
      if (i % 50 === 0) void audit.flush();
    }
    await audit.close();
    expect(await linesOf(file())).toHaveLength(500);
    expect(dropped).toBe(0);
  });

  it('goes on in a file that is there', async () => {
    for (const id of ['a', 'b']) {
      const audit = sink();
      audit.write(record(id));
      await audit.close();
    }
    expect((await linesOf(file())).map(({ requestId }) => requestId)).toEqual(['a', 'b']);
  });

  it('is renamed when it has grown, and no line is cut', async () => {
    const audit = sink({ maxFileBytes: 300 });
    for (const id of ['a', 'b', 'c']) {
      audit.write(record(id));
      audit.write(record(`${id}2`));
      await audit.flush();
    }
    await audit.close();
    expect((await linesOf(file())).map(({ requestId }) => requestId)).toEqual(['c', 'c2']);
    expect((await linesOf(aside(1))).map(({ requestId }) => requestId)).toEqual(['a', 'a2']);
    expect((await linesOf(aside(2))).map(({ requestId }) => requestId)).toEqual(['b', 'b2']);
  });

  it('is written on where it cannot be renamed', async () => {
    const audit = sink({ maxFileBytes: 100 });
    for (const second of [1, 2, 3]) {
      await mkdir(aside(second), { recursive: true });
      await writeFile(join(aside(second), 'in-the-way'), '');
    }
    for (const id of ['a', 'b', 'c']) {
      audit.write(record(id));
      await audit.flush();
    }
    await audit.close();
    expect((await linesOf(file())).map(({ requestId }) => requestId)).toEqual(['a', 'b', 'c']);
    expect(dropped).toBe(0);
  });
});

describe('records that cannot be kept', () => {
  it('are counted when the disk fails, and the next ones are tried again', async () => {
    const audit = sink();
    await mkdir(file(), { recursive: true });
    audit.write(record('lost'));
    audit.write(record('lost too'));
    await audit.flush();
    expect(dropped).toBe(2);
    await rm(file(), { recursive: true });
    audit.write(record('kept'));
    await audit.close();
    expect((await linesOf(file())).map(({ requestId }) => requestId)).toEqual(['kept']);
  });

  it('are counted when too many wait, and never waited for', async () => {
    const audit = sink({ maxWaiting: 3, flushMs: 60_000 });
    for (let i = 0; i < 10; i++) audit.write(record(String(i)));
    expect(dropped).toBe(7);
    await audit.close();
    expect(await linesOf(file())).toHaveLength(3);
  });
});
