import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { latestModern, meta } from '#protocol/model/index.js';
import { auditLines } from '../support/audit.js';
import { eventually } from '../support/eventually.js';
import { WireClient } from '../support/mcp-wire.js';
import { jsonHeaders } from '../support/mcp-http.js';
import { startSeaworthy, type Seaworthy } from '../support/seaworthy-process.js';

const run = promisify(execFile);
const program = fileURLToPath(new URL('../../dist/app/cli/main.js', import.meta.url));

let dataDir: string;
let file: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'audit-'));
  file = join(dataDir, 'audit', 'audit.jsonl');
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

const planted = 'planted-environment-secret';
const start = (audit: object = {}): Promise<Seaworthy> =>
  startSeaworthy({
    config: {
      dataDir,
      audit,
      modules: { example: {} },
      access: [{ role: 'owner', allow: ['*:*'] }],
      mcpServers: { dead: { command: 'false', env: { SOME_TOKEN: 'env:PLANTED' } } },
      log: { level: 'error' },
    },
    env: { PLANTED: planted },
  });

/** The commands on the same data directory. */
async function auditLog(...args: string[]) {
  const config = join(dataDir, 'seaworthy.yaml');
  await writeFile(config, JSON.stringify({ dataDir }));
  const done = run(process.execPath, [program, 'audit-log', ...args, '--config', config]);
  return done.then(
    ({ stdout }) => ({ code: 0, stdout }),
    (error: unknown) => error as { code: number; stdout: string },
  );
}

/** Calls the tool `count` times over a few connections; stops when the server is gone. Returns how many were answered. */
async function call(
  server: Seaworthy,
  key: string,
  count: number,
  args: object = { text: 'x' },
  onAnswer = () => {},
): Promise<number> {
  let left = count;
  let answered = 0;
  const client = async () => {
    const wire = new WireClient('127.0.0.1', Number(new URL(server.url).port));
    while (left-- > 0) {
      const envelope = { [meta.protocolVersion]: latestModern, [meta.clientCapabilities]: {} };
      const reply = await wire
        .send({
          headers: {
            ...jsonHeaders,
            authorization: `Bearer ${key}`,
            'mcp-protocol-version': latestModern,
            'mcp-method': 'tools/call',
            'mcp-name': 'example__echo',
          },
          body: {
            jsonrpc: '2.0',
            id: left,
            method: 'tools/call',
            params: { name: 'example__echo', arguments: args, _meta: envelope },
          },
        })
        // The server was killed: what it had not answered does not count.
        .catch(() => undefined);
      if (!reply) break;
      answered++;
      onAnswer();
    }
    wire.close();
  };
  await Promise.all(Array.from({ length: 8 }, client));
  return answered;
}

const callsIn = async () => (await auditLines(file)).filter(({ method }) => method === 'tools/call').length;

describe('the audit log of the built program', () => {
  it('has one record for each call after an orderly stop, and verifies', async () => {
    const server = await start({ checkpointRecords: 50 });
    const answered = await call(server, server.apiKey as string, 400);
    await call(server, 'swk_wrong', 1);
    await server.stop();
    expect(answered).toBe(400);
    expect(await callsIn()).toBe(400);
    const lines = await auditLines(file);
    expect(lines.map(({ event }) => event)).toEqual(expect.arrayContaining(['key.created', 'login.failed']));
    const verdict = await auditLog('verify', '--json');
    expect(verdict.code).toBe(0);
    expect(JSON.parse(verdict.stdout)).toMatchObject({
      good: true,
      chains: [{ records: lines.length, signedThrough: lines.length - 1 }],
    });
  }, 60_000);

  it('loses the last batch at most when it is killed under load, goes on in the same chain, and verifies', async () => {
    const server = await start({ flushMs: 100 });
    let answered = 0;
    const load = call(server, server.apiKey as string, 100_000, { text: 'x' }, () => answered++);
    await eventually(() => answered >= 500, 20_000);
    const known = answered;
    // Everything that was answered by now is on the disk soon, while the load goes on: only the last batch is at risk.
    await eventually(async () => (await callsIn().catch(() => 0)) >= known, 10_000);
    await server.kill();
    await load;
    expect(await callsIn()).toBeGreaterThanOrEqual(known);
    const last = Date.parse((await auditLines(file)).at(-1)?.['time'] as string);

    const again = await start({ flushMs: 100 });
    await call(again, 'swk_wrong', 1);
    await again.stop();
    const after = await auditLines(file);
    expect(new Set(after.map(({ chain }) => chain)).size).toBe(1);
    expect(Date.parse(after.at(-1)?.['time'] as string)).toBeGreaterThanOrEqual(last);
    const verdict = await auditLog('verify', '--json');
    expect([verdict.code, (JSON.parse(verdict.stdout) as { good: boolean }).good]).toEqual([0, true]);
  }, 60_000);

  it('holds no secret, whatever is kept of arguments, and is searched, exported and checked by command', async () => {
    const server = await start({ arguments: 'redacted' });
    const key = server.apiKey as string;
    const given = {
      text: `tell ${planted} to all`,
      password: 'planted-password-1',
      note: 'ghp_planted0123456789abcdef',
    };
    await call(server, key, 2, given);
    await server.stop();
    const text = await readFile(file, 'utf8');
    for (const secret of [planted, 'planted-password-1', 'ghp_planted', key, key.slice(4, 30)])
      expect(text).not.toContain(secret);
    expect(text).toContain('tell [secret] to all');

    const found = await auditLog('query', '--provider', 'example', '--limit', '1', '--json');
    const [record, cursor] = found.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, string>);
    expect(record).toMatchObject({ name: 'echo', shown: 'example__echo', outcome: expect.any(String) as string });
    const next = await auditLog('query', '--provider', 'example', '--cursor', cursor?.['cursor'] ?? '', '--json');
    expect(next.stdout.trimEnd().split('\n')).toHaveLength(1);
    expect((await auditLog('query', '--event', 'key.created')).stdout).toContain('key.created');

    const copy = join(dataDir, 'copy');
    expect((await auditLog('export', copy)).code).toBe(0);
    const publicKey = join(dataDir, 'audit.pub');
    await writeFile(publicKey, (await auditLog('key')).stdout);
    expect((await auditLog('verify', copy, '--public-key', publicKey)).code).toBe(0);
    const records = join(copy, 'records-1.jsonl');
    await writeFile(records, (await readFile(records, 'utf8')).replace('"echo"', '"other"'));
    const verdict = await auditLog('verify', copy, '--public-key', publicKey);
    expect(verdict.code).toBe(1);
    expect(verdict.stdout).toMatch(/changed record \d+/);
  }, 60_000);
});
