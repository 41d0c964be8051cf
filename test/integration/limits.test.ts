import { afterEach, describe, expect, it } from 'vitest';
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
