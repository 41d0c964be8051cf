import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../../../test/support/eventually.js';
import { wireModule } from '../../../test/fixtures/wire-module.js';
import {
  initializeBody,
  jsonHeaders,
  startMcpHttp,
  type McpTestServer,
  type TestRole,
} from '../../../test/support/mcp-http.js';
import type { OpenStream } from '../../../test/support/mcp-wire.js';

const wire = wireModule();
let server: McpTestServer;
beforeEach(async () => {
  server = await startMcpHttp({ modules: [wire.module], http: { legacySse: true } });
});
afterEach(() => server.close());

const authorization = (role: TestRole) => ({ authorization: `Bearer ${server.keys[role]}` });
const open = (role: TestRole = 'owner') =>
  server.client.open({ method: 'GET', path: '/sse', headers: { ...authorization(role), accept: 'text/event-stream' } });
const addressOf = async (stream: OpenStream): Promise<string> =>
  (await stream.until(({ data }) => data.startsWith('/messages'))).data;
const post = (path: string, body: object, role: TestRole = 'owner') =>
  server.client.send({ path, headers: { ...jsonHeaders, ...authorization(role) }, body });

describe('the HTTP+SSE transport of 2024-11-05', () => {
  it('names the address for messages first, and answers on the stream', async () => {
    const stream = await open();
    const address = await addressOf(stream);
    expect((await post(address, initializeBody({ revision: '2024-11-05' }))).status).toBe(202);
    expect((await stream.message(({ id }) => id === 0)).result).toMatchObject({ protocolVersion: '2024-11-05' });
    await post(address, { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'wire__echo', arguments: {} } });
    expect((await stream.message(({ id }) => id === 1)).result).toHaveProperty('content');
    await post(address, { jsonrpc: '2.0', id: 2, method: 'no/method' });
    expect((await stream.message(({ id }) => id === 2)).error?.code).toBe(-32601);
    wire.change();
    await stream.message(({ method }) => method === 'notifications/tools/list_changed');
  });

  it('needs a credential, and the one that opened the stream', async () => {
    expect((await server.client.send({ method: 'GET', path: '/sse' })).status).toBe(401);
    const address = await addressOf(await open());
    expect((await server.client.send({ path: address, headers: jsonHeaders, body: initializeBody() })).status).toBe(
      401,
    );
    expect((await post(address, initializeBody(), 'reader')).status).toBe(404);
    for (const path of ['/messages', '/messages?sessionId=', '/messages?sessionId=x'])
      expect((await post(path, initializeBody())).status).toBe(404);
  });

  it('takes strict single messages of its own family only', async () => {
    const address = await addressOf(await open());
    expect((await post(address, [initializeBody()])).status).toBe(400);
    expect((await post(address, server.modern('tools/list').body as object)).status).toBe(400);
    expect((await post(address, { jsonrpc: '1.0', id: 1, method: 'ping' })).status).toBe(400);
  });

  it('checks Host and Origin', async () => {
    const evil = { ...authorization('owner'), host: 'evil.example' };
    expect((await server.client.send({ method: 'GET', path: '/sse', headers: evil })).status).toBe(403);
    expect(
      (await server.client.send({ path: '/messages?sessionId=x', headers: { ...jsonHeaders, ...evil }, body: {} }))
        .status,
    ).toBe(403);
  });

  it('ends what runs when its connection ends, and gives back its place', async () => {
    const stream = await open();
    const address = await addressOf(stream);
    await post(address, initializeBody());
    await post(address, { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'wire__hold' } });
    await eventually(() => wire.held.length === 1);
    stream.drop();
    await eventually(() => wire.held[0]?.cancelled === true && server.mcp.counts().streams === 0);
    expect((await post(address, initializeBody())).status).toBe(404);
  });

  it('is not there where it was not asked for', async () => {
    const plain = await startMcpHttp();
    for (const [method, path] of [
      ['GET', '/sse'],
      ['POST', '/messages?sessionId=x'],
    ] as const)
      expect(
        (
          await plain.client.send({
            method,
            path,
            headers: { ...jsonHeaders, authorization: `Bearer ${plain.keys.owner}` },
            ...(method === 'POST' ? { body: {} } : {}),
          })
        ).status,
      ).toBe(404);
    await plain.close();
  });
});
