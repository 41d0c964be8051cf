import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { startRedis } from '../support/redis.js';
import { startSeaworthy, type Seaworthy } from '../support/seaworthy-process.js';

let server: Seaworthy | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

const access = [{ role: 'owner', allow: ['*:*'] }];

const list = ({ url, apiKey }: Seaworthy) =>
  fetch(url, {
    method: 'POST',
    headers: {
      ...{ 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      ...{ authorization: `Bearer ${apiKey}`, 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/list' },
    },
    body: JSON.stringify({
      ...{ jsonrpc: '2.0', id: 1, method: 'tools/list' },
      params: {
        _meta: {
          'io.modelcontextprotocol/protocolVersion': '2026-07-28',
          'io.modelcontextprotocol/clientCapabilities': {},
        },
      },
    }),
  });

async function statusesOf(times: number, send: () => Promise<Response>): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let i = 0; i < times; i += 1) {
    const { status, body } = await send();
    await body?.cancel();
    counts[status] = (counts[status] ?? 0) + 1;
  }
  return counts;
}

describe('rates of the built program', () => {
  // Buckets refill while the test runs: windows are long, so that nothing comes back meanwhile.
  const windowMs = 86_400_000;

  it('let health answer 1000 times where calls may come 60 times', async () => {
    server = await startSeaworthy({
      config: { access, limits: { rates: { api: { limit: 60, windowMs }, health: { limit: 1000, windowMs } } } },
    });
    const origin = new URL(server.url).origin;
    expect(await statusesOf(65, () => list(server as Seaworthy))).toEqual({ 200: 60, 429: 5 });
    expect(await statusesOf(1005, () => fetch(`${origin}/health`))).toEqual({ 200: 1000, 429: 5 });
    const refused = await fetch(`${origin}/ready`);
    expect(refused.headers.get('ratelimit-policy')).toBe('"health";q=1000;w=86400');
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await refused.json()).toMatchObject({ error: { code: 'SW_RATE_LIMITED' } });
  });

  it('are counted in the metrics, and a flood of wrong keys does not reach the log of audit', async () => {
    server = await startSeaworthy({ config: { access, limits: { rates: { login: { limit: 3, windowMs } } } } });
    const wrong = { ...server, apiKey: 'no' } as Seaworthy;
    expect(await statusesOf(10, () => list(wrong))).toEqual({ 401: 3, 429: 7 });
    const metrics = await (await fetch(`${server.operationsUrl}/metrics`)).text();
    expect(metrics).toContain('seaworthy_limited_total{limit="login"} 7');
    expect(metrics).toContain('seaworthy_security_events_total{event="login.failed"} 3');
  });
});

const redis = await startRedis();
afterAll(() => redis?.stop());

describe.skipIf(!redis)('rates of the built program with Redis', () => {
  it('outlive a restart; while Redis is away logins are refused and the rest goes on', async () => {
    const windowMs = 86_400_000;
    const dataDir = await mkdtemp(join(tmpdir(), 'seaworthy-limits-'));
    const rates = { api: { limit: 10, windowMs }, login: { limit: 3, windowMs } };
    const config = { access, dataDir, limits: { rates }, shared: { url: redis?.url, timeoutMs: 1000 } };
    const first = await startSeaworthy({ config });
    server = first;
    const { apiKey } = first;
    expect(await statusesOf(6, () => list(first))).toEqual({ 200: 6 });
    await first.stop();
    const second = { ...(await startSeaworthy({ config })), ...(apiKey !== undefined && { apiKey }) };
    server = second;
    expect(await statusesOf(6, () => list(second))).toEqual({ 200: 4, 429: 2 });
    await redis?.kill();
    const health = async () =>
      ((await (await fetch(`${second.operationsUrl}/health/detailed`)).json()) as Health).components.shared?.status;
    await eventually(async () => (await health()) === 'degraded', 10_000);
    expect(await statusesOf(6, () => list(second))).toEqual({ 200: 5, 429: 1 });
    expect(await statusesOf(2, () => list({ ...second, apiKey: 'no' }))).toEqual({ 503: 2 });
    await redis?.restart();
    await eventually(async () => (await health()) === 'healthy', 10_000);
    expect(await statusesOf(1, () => list({ ...second, apiKey: 'no' }))).toEqual({ 401: 1 });
    await second.stop();
    server = undefined;
    await rm(dataDir, { recursive: true, force: true });
  }, 60_000);
});

interface Health {
  readonly components: Readonly<Record<string, { readonly status: string }>>;
}
