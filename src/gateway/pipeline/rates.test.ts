import { afterEach, describe, expect, it } from 'vitest';
import { wireModule } from '../../../test/fixtures/wire-module.js';
import { startMcpHttp, type McpTestServer } from '../../../test/support/mcp-http.js';
import type { Reply, WireRequest } from '../../../test/support/mcp-wire.js';
import type { RateRules } from '../limits/index.js';

const servers: McpTestServer[] = [];
async function start(rates: Partial<RateRules>): Promise<McpTestServer> {
  const server = await startMcpHttp({ modules: [wireModule().module], rates });
  servers.push(server);
  return server;
}
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

const rule = (limit: number) => ({ limit, windowMs: 60_000 });

const refusal = (reply: Reply) => [
  reply.status,
  reply.json?.error?.data?.['code'],
  reply.json?.error?.data?.['tier'],
  reply.headers['ratelimit-policy'],
];

describe('rates over HTTP', () => {
  it('are told by Retry-After and the RateLimit fields', async () => {
    const server = await start({ api: rule(1) });
    await server.call('tools/list');
    const reply = await server.call('tools/list');
    expect(refusal(reply)).toEqual([429, 'SW_RATE_LIMITED', 'api', '"api";q=1;w=60']);
    expect(reply.headers['ratelimit']).toBe(`"api";r=0;t=${reply.headers['retry-after']}`);
    expect(Number(reply.headers['retry-after'])).toBeGreaterThan(0);
  });

  it.each<[string, (session: Awaited<ReturnType<McpTestServer['session']>>) => Promise<Reply>]>([
    ['ping', (session) => session.call('ping')],
    ['logging/setLevel', (session) => session.call('logging/setLevel', { level: 'info' })],
    ['resources/unsubscribe', (session) => session.call('resources/unsubscribe', { uri: 'x:y' })],
    ['tools/call', (session) => session.call('tools/call', { name: 'wire__echo', arguments: {} })],
    ['DELETE', (session) => session.delete()],
  ])('count %s of a session', async (_name, send) => {
    const server = await start({ api: rule(1) });
    // initialize is the first request.
    const session = await server.session();
    const reply = await send(session);
    expect(refusal(reply).slice(0, 3)).toEqual([429, 'SW_RATE_LIMITED', 'api']);
  });

  it('count the stream of a session', async () => {
    const server = await start({ api: rule(1) });
    const session = await server.session();
    const reply = await server.client.send(session.wire(undefined, { method: 'GET' }));
    expect(refusal(reply).slice(0, 3)).toEqual([429, 'SW_RATE_LIMITED', 'api']);
  });

  it('of an address hold before authentication, whatever X-Forwarded-For says', async () => {
    const server = await start({ address: rule(3) });
    const from = (address: string): WireRequest =>
      server.modern('tools/list', {}, { headers: { authorization: 'Bearer no', 'x-forwarded-for': address } });
    const statuses = [];
    for (const address of ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'])
      statuses.push((await server.client.send(from(address))).status);
    expect(statuses).toEqual([401, 401, 401, 429]);
    const withKey = await server.call('tools/list');
    expect(refusal(withKey)).toEqual([429, 'SW_RATE_LIMITED', 'address', '"address";q=3;w=60']);
    // Each refused credential left a record; what the rate refused left none.
    expect(server.audit.filter(({ event }) => event === 'login.failed').length).toBe(3);
  });

  it('of failed logins shut out neither keys that are right nor fill the audit log', async () => {
    const server = await start({ login: rule(2) });
    const wrong = () => server.call('tools/list', {}, { headers: { authorization: 'Bearer no' } });
    expect([(await wrong()).status, (await wrong()).status]).toEqual([401, 401]);
    expect(refusal(await wrong())).toEqual([429, 'SW_RATE_LIMITED', 'login', '"login";q=2;w=60']);
    expect(server.audit.filter(({ event }) => event === 'login.failed').length).toBe(2);
    expect((await server.call('tools/list')).status).toBe(200);
  });

  it('of tools are answered like those of principals, in the stream of a batch too', async () => {
    const server = await start({ tools: [{ tools: ['wire:echo'], ...rule(1) }] });
    const call = { name: 'wire__echo', arguments: {} };
    await server.call('tools/call', call);
    const reply = await server.call('tools/call', call);
    expect(refusal(reply)).toEqual([429, 'SW_RATE_LIMITED', 'tool', '"tool";q=1;w=60']);
    const session = await server.session({ revision: '2025-03-26' });
    const batch = [session.request('tools/list'), session.request('tools/call', call)];
    const { events } = await server.client.send(session.wire(batch));
    const codes = events.map(({ message }) => message?.error?.code);
    expect(codes.filter((code) => code === -31029).length).toBe(1);
    expect(codes.length).toBe(2);
  });
});
