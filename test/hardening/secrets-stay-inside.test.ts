import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Authenticator } from '#gateway/auth/index.js';
import { fail } from '#kernel/errors/index.js';
import { wireModule } from '../fixtures/wire-module.js';
import { initializeBody, jsonHeaders, startMcpHttp, type McpTestServer } from '../support/mcp-http.js';
import type { Reply } from '../support/mcp-wire.js';

/** Standing rule: a credential goes in and never comes out, whatever happens to the request that carried it. */
describe('a credential', () => {
  const planted = 'swk_plantedPlantedPlantedPlantedPlantedPlanted0000000';
  let server: McpTestServer;
  const replies: Reply[] = [];
  beforeAll(async () => {
    server = await startMcpHttp({ modules: [wireModule().module], rates: { api: { limit: 60, windowMs: 600_000 } } });
  });
  afterAll(() => server.close());

  const send = async (
    headers: Record<string, string>,
    body: object | string,
    more: { method?: string; path?: string } = {},
  ) => {
    replies.push(await server.client.send({ headers: { ...jsonHeaders, ...headers }, body, ...more }));
  };

  it('appears in nothing that is answered, logged, audited or counted', async () => {
    const good = server.keys.owner;
    const bodies: readonly (object | string)[] = [
      initializeBody(),
      '{',
      { jsonrpc: '2.0', id: 1, method: 'no/method' },
      server.modern('tools/call', { name: 'wire__echo', arguments: {} }).body as object,
      server.modern('tools/call', { name: 'wire__fail', arguments: {} }).body as object,
      server.modern('tools/call', { name: 'wire__none', arguments: {} }).body as object,
    ];
    for (const key of [good, planted])
      for (const credential of [
        { authorization: `Bearer ${key}` },
        { 'x-api-key': key },
        { authorization: `Basic ${key}` },
        { authorization: `Bearer ${key}`, 'x-api-key': 'other' },
      ])
        for (const body of bodies) await send(credential, body);
    const right = { authorization: `Bearer ${good}` };
    await send({ ...right, host: 'evil.example' }, bodies[0] as object);
    await send({ ...right, origin: 'https://evil.example' }, bodies[0] as object);
    await send({ ...right, 'mcp-session-id': planted }, { jsonrpc: '2.0', id: 1, method: 'ping' });
    await send(right, bodies[0] as object, { method: 'PUT' });
    await send(right, bodies[0] as object, { path: '/mcp/none' });
    for (let i = 0; i < 80; i++) await server.call('tools/list');
    const session = await server.session({ role: 'reader' });

    const emitted = {
      answers: replies.map(({ status, headers, text }) => `${status} ${JSON.stringify(headers)} ${text}`).join('\n'),
      logs: server.logText(),
      audit: JSON.stringify(server.audit),
      metrics: await server.metrics.text(),
      refusals: JSON.stringify(server.refusals),
      health: JSON.stringify(server.catalog.providers.map((provider) => provider.health())),
    };
    const secrets = [planted, good, good.slice(4, 40), server.keys.reader, session.id];
    for (const [where, text] of Object.entries(emitted))
      for (const secret of secrets) expect(text.includes(secret), `${secret.slice(0, 8)}… in ${where}`).toBe(false);
    expect(replies.map(({ status }) => status)).toContain(401);
    expect(server.audit.length).toBeGreaterThan(0);
  });
});

/** CVE class "key check failed open": when who calls cannot be found out, nobody calls. */
describe('an authenticator that fails', () => {
  const failing: readonly (readonly [string, Authenticator['authenticate'], number])[] = [
    [
      'by a typed error',
      () => {
        throw fail('SW_STORAGE_UNAVAILABLE', { reason: 'down' });
      },
      503,
    ],
    [
      'by anything',
      () => {
        throw new TypeError('planted-cause');
      },
      500,
    ],
    ['later, by a typed error', () => Promise.reject(fail('SW_STORAGE_UNAVAILABLE', { reason: 'down' })), 503],
    ['later, by anything', () => Promise.reject(new TypeError('planted-cause')), 500],
  ];
  it.each(failing)('%s lets nobody in, on any method', async (_name, authenticate, status) => {
    const wire = wireModule();
    const server = await startMcpHttp({ modules: [wire.module], authenticator: { authenticate } });
    for (const method of ['POST', 'GET', 'DELETE']) {
      const reply = await server.client.send({
        method,
        headers: { ...jsonHeaders, 'mcp-session-id': 'x' },
        ...(method === 'POST' ? { body: initializeBody() } : {}),
      });
      expect([method, reply.status]).toEqual([method, status]);
      expect(reply.text).not.toContain('planted-cause');
    }
    expect((await server.call('tools/call', { name: 'wire__echo' })).status).toBe(status);
    expect(wire.ran).toEqual([]);
    await server.close();
  });
});
