import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { wireModule } from '../../../test/fixtures/wire-module.js';
import { initializeBody, jsonHeaders, startMcpHttp, type McpTestServer } from '../../../test/support/mcp-http.js';

let server: McpTestServer;
beforeAll(async () => {
  server = await startMcpHttp({
    modules: [wireModule().module],
    edge: {
      hosts: {
        hosts: ['localhost', '127.0.0.1', '[::1]', 'mcp.example.com'],
        origins: ['https://console.example.com', 'https://console.example.com:8443'],
      },
    },
  });
});
afterAll(() => server.close());

const post = (headers: Record<string, string>, path = '/mcp') =>
  server.client.send({
    path,
    headers: { ...jsonHeaders, authorization: `Bearer ${server.keys.owner}`, ...headers },
    body: initializeBody(),
  });

describe('the Host header', () => {
  const good = [
    'localhost',
    'localhost:53000',
    'LOCALHOST',
    '127.0.0.1',
    '127.0.0.1:1',
    '[::1]',
    '[::1]:53000',
    'MCP.Example.COM',
    'mcp.example.com:443',
  ];
  it.each(good)('%s is served', async (host) => {
    expect((await post({ host })).status).toBe(200);
  });

  const evil = [
    'evil.example',
    'evil.example:53000',
    'localhost.evil.example',
    'evil.example.localhost',
    'localhost@evil.example',
    'evil.example#localhost',
    'evil.example/localhost',
    'localhost:53000@evil.example',
    'localhost:evil',
    'localhost:',
    'localhost:123456',
    'localhost.',
    '127.0.0.1.nip.io',
    '127.1',
    '2130706433',
    '0x7f.0.0.1',
    '0.0.0.0',
    '[::]',
    '[::ffff:127.0.0.1]',
    '::1',
    '[::1',
    'mcp.example.com.evil.example',
    'xmcp.example.com',
    'localhost, evil.example',
    'localhost evil.example',
    '',
    '-',
    '*',
  ];
  it.each(evil)('%j is refused', async (host) => {
    const reply = await post({ host });
    expect(reply.status).toBe(403);
    expect(reply.json?.error?.data?.['code']).toBe('SW_HOST_REFUSED');
  });

  it('is refused even where the origin is allowed and the key is right', async () => {
    expect((await post({ host: 'evil.example', origin: 'https://console.example.com' })).status).toBe(403);
  });

  it('must be there', async () => {
    expect(await rawStatus('GET /mcp HTTP/1.0\r\n\r\n')).toBe(400);
    expect(await rawStatus('GET /mcp HTTP/1.1\r\n\r\n')).toBe(400);
  });

  it('is the same for every method and path, and comes before the credential', async () => {
    for (const method of ['GET', 'DELETE', 'PUT', 'OPTIONS', 'POST'])
      expect((await server.client.send({ method, headers: { host: 'evil.example' } })).status).toBe(403);
  });
});

describe('the Origin header', () => {
  const good = [
    'https://console.example.com',
    'HTTPS://CONSOLE.example.com',
    'https://console.example.com:8443',
    'http://localhost',
    'http://localhost:3000',
    'https://127.0.0.1:8080',
    'http://[::1]:9',
    'http://LOCALHOST:1',
  ];
  it.each(good)('%s is served', async (origin) => {
    expect((await post({ origin })).status).toBe(200);
  });

  const evil = [
    'https://evil.example',
    'http://console.example.com',
    'https://console.example.com:8444',
    'https://console.example.com.evil.example',
    'https://console.example.com@evil.example',
    'http://localhost@evil.example',
    'http://localhost:3000@evil.example',
    'http://localhost.evil.example',
    'http://evil.example/localhost',
    'http://localhost/',
    'http://localhost/path',
    'http://localhost?x',
    'http://localhost#x',
    'http://localhost\\evil.example',
    'http://localhost:port',
    'null',
    '',
    'localhost',
    'file://',
    'file://localhost',
    'chrome-extension://localhost',
    'javascript://localhost',
    'http://mcp.example.com',
    'http://localhost, https://evil.example',
    'http://[::1',
    'http://127.1',
    'http://0.0.0.0',
  ];
  it.each(evil)('%j is refused', async (origin) => {
    const reply = await post({ origin });
    expect(reply.status).toBe(403);
    expect(reply.json?.error?.data?.['code']).toBe('SW_ORIGIN_REFUSED');
  });

  it('of this machine is refused where this machine is no allowed host', async () => {
    const remote = await startMcpHttp({ edge: { hosts: { hosts: ['mcp.example.com'], origins: [] } } });
    const headers = { ...jsonHeaders, authorization: `Bearer ${remote.keys.owner}`, host: 'mcp.example.com' };
    const send = (more: object) => remote.client.send({ headers: { ...headers, ...more }, body: initializeBody() });
    expect((await send({ origin: 'http://localhost:3000' })).status).toBe(403);
    expect((await send({})).status).toBe(200);
    await remote.close();
  });
});

describe('paths', () => {
  const paths: readonly (readonly [string, number])[] = [
    ['/mcp', 200],
    ['/mcp/', 200],
    ['/mcp?x=1', 200],
    ['/mcp/wire', 200],
    ['/mcp/wire/', 200],
    ['/mcp/wire?x', 200],
    ['/mcp/other', 404],
    ['/mcp/WIRE', 404],
    ['/mcp/wire/x', 404],
    ['/mcp//wire', 400],
    ['/mcp/..', 400],
    ['/mcp/%77ire', 404],
    ['/mcp/wire%2f..', 400],
    ['/mcpx', 404],
    ['/MCP', 404],
    ['/', 404],
    ['//mcp', 400],
    ['/mcp/__proto__', 404],
    ['/mcp/constructor', 404],
    ['/mcp;x', 404],
    ['http://localhost/mcp', 400],
    [`/mcp/${'a'.repeat(33)}`, 404],
  ];
  it.each(paths)('%s is answered %i', async (path, status) => {
    expect((await post({}, path)).status).toBe(status);
  });

  it('name no provider to a client without a credential', async () => {
    for (const path of ['/mcp/wire', '/mcp/other'])
      expect((await server.client.send({ path, headers: jsonHeaders, body: initializeBody() })).status).toBe(401);
  });
});

describe('HTTP methods', () => {
  const authorization = () => ({ authorization: `Bearer ${server.keys.owner}` });
  it.each(['GET', 'DELETE', 'PUT', 'PATCH', 'OPTIONS', 'HEAD'])(
    '%s without a session is not allowed',
    async (method) => {
      const reply = await server.client.send({ method, headers: authorization() });
      expect([reply.status, reply.headers.allow]).toEqual([405, 'POST']);
    },
  );

  it.each(['PUT', 'PATCH', 'OPTIONS', 'HEAD'])('%s is not allowed inside a session either', async (method) => {
    const session = await server.session();
    expect((await server.client.send(session.wire(undefined, { method }))).status).toBe(405);
  });

  it('leave the connection usable, or close it and say so', async () => {
    const text = await rawText(
      `PUT /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${server.keys.owner}\r\nContent-Length: 5\r\n\r\nhello` +
        'GET /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
    );
    const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map((match) => Number(match[1]));
    expect(statuses[0]).toBe(405);
    // Never a second answer made of the first one's body.
    expect(statuses.slice(1).every((status) => status === 404)).toBe(true);
  });
});

describe('what a refusal says', () => {
  it('has a code, a hint and no id, and is counted', async () => {
    const reply = await post({ host: 'evil.example' });
    expect(reply.json).toMatchObject({ jsonrpc: '2.0', error: { code: -32600, data: { code: 'SW_HOST_REFUSED' } } });
    expect(reply.json).not.toHaveProperty('id');
    expect(server.refusals).toContain('SW_HOST_REFUSED');
  });
});

async function rawText(bytes: string): Promise<string> {
  const socket = connect(server.port, '127.0.0.1');
  socket.end(bytes);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

const rawStatus = async (bytes: string): Promise<number> =>
  Number(/^HTTP\/1\.1 (\d{3})/.exec(await rawText(bytes))?.[1]);
