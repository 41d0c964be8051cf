import { get as httpGet } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KeyStore } from '#gateway/auth/index.js';
import { openStorage } from '#kernel/storage/index.js';
import { silentLogger } from '#kernel/telemetry/index.js';
import { initializeBody, jsonHeaders } from '../../../test/support/mcp-http.js';
import { WireClient, type Reply } from '../../../test/support/mcp-wire.js';
import { eventually } from '../../../test/support/eventually.js';
import { loadSettings } from '../settings.js';
import { serve, type RunningServer } from './index.js';

let directory: string;
let running: RunningServer[] = [];
const clients: WireClient[] = [];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'serve-'));
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await Promise.all(running.splice(0).map((server) => server.stop()));
  await rm(directory, { recursive: true, force: true });
});

const base = `
server: { port: 0 }
operations: { port: 0 }
drain: { timeoutMs: 1000 }
modules: { example: {}, scratch: {} }
access: [{ role: owner, allow: ["example:*"] }]
`;

const settingsOf = async (yaml: string) => {
  const file = join(directory, 'seaworthy.yaml');
  await writeFile(file, yaml);
  return loadSettings({ file, environment: {} });
};

async function start(yaml = base): Promise<RunningServer> {
  const server = await serve(await settingsOf(yaml), { logger: silentLogger, environment: {} });
  running.push(server);
  return server;
}

const clientOf = (url: string): WireClient => {
  const { hostname, port } = new URL(url);
  const client = new WireClient(hostname, Number(port));
  clients.push(client);
  return client;
};
const initialize = (client: WireClient, key: string, path = '/mcp'): Promise<Reply> =>
  client.send({ path, headers: { ...jsonHeaders, 'x-api-key': key }, body: initializeBody() });
const get = (client: WireClient, path: string, headers = {}) => client.send({ method: 'GET', path, headers });

describe('a gateway that listens', () => {
  it('makes the first key once, and serves whom it was given to', async () => {
    const first = await start();
    expect(first.apiKey).toMatch(/^swk_/);
    const client = clientOf(first.url);
    expect((await initialize(client, first.apiKey ?? '')).status).toBe(200);
    expect((await initialize(client, 'swk_other')).status).toBe(401);
    expect((await initialize(client, first.apiKey ?? '', '/mcp/none')).status).toBe(404);
    const key = first.apiKey ?? '';
    await first.stop();
    running = [];
    const second = await start();
    expect(second.apiKey).toBeUndefined();
    expect((await initialize(clientOf(second.url), key)).status).toBe(200);
  });

  it('keeps a session over a restart', async () => {
    const first = await start();
    const key = first.apiKey ?? '';
    const { headers } = await initialize(clientOf(first.url), key);
    await first.stop();
    running = [];
    const again = clientOf((await start()).url);
    const ping = {
      headers: { ...jsonHeaders, 'x-api-key': key, 'mcp-session-id': headers['mcp-session-id'] },
      body: { jsonrpc: '2.0', id: 1, method: 'tools/list' },
    };
    const reply = await again.send(ping);
    expect(reply.status).toBe(200);
    expect(JSON.stringify(reply.json?.result)).toContain('example__echo');
    expect(JSON.stringify(reply.json?.result)).not.toContain('scratch__');
  });

  it('stops a revoked key, and knows a new one, soon', async () => {
    const server = await start();
    const client = clientOf(server.url);
    const { record, key } = await server.gateway.keys.create('second', ['owner']);
    expect((await initialize(client, key)).status).toBe(200);
    await server.gateway.keys.revoke(record.id);
    expect((await initialize(client, key)).status).toBe(401);
    // Another process on the same database is seen within a second or so.
    const storage = await openStorage({ url: 'sqlite:', dataDir: join(directory, '.seaworthy') });
    const keys = await KeyStore.open(storage, () => Date.now());
    const other = await keys.create('third', ['owner']);
    await eventually(async () => (await initialize(client, other.key)).status === 200, 5000);
    await keys.revoke(other.record.id);
    await eventually(async () => (await initialize(client, other.key)).status === 401, 5000);
    await storage.close();
  });

  it('ends the streams of a key that is revoked, and leaves those of others', async () => {
    const server = await start();
    const { keys } = server.gateway;
    const one = await keys.create('one', ['owner']);
    const other = await keys.create('other', ['owner']);
    const streamOf = async (key: string) => {
      const session = (await initialize(clientOf(server.url), key)).headers['mcp-session-id'];
      const ended = { value: false };
      const headers = { 'x-api-key': key, 'mcp-session-id': String(session), accept: 'text/event-stream' };
      const request = httpGet(server.url, { headers }, (response) => {
        response.resume().on('end', () => (ended.value = true));
      });
      request.on('error', () => {});
      return { ended, close: () => request.destroy() };
    };
    const [mine, theirs] = [await streamOf(one.key), await streamOf(other.key)];
    const health = async () =>
      (await get(clientOf(server.operationsUrl), '/health/detailed')).json as unknown as Record<string, unknown>;
    await eventually(async () => (await health())['streams'] === 2);
    await keys.revoke(one.record.id);
    await eventually(() => mine.ended.value);
    expect(await health()).toMatchObject({ streams: 1, sessions: 1 });
    expect(theirs.ended.value).toBe(false);
    theirs.close();
  });

  it('tells its health, its readiness and its addresses without a key', async () => {
    const client = clientOf((await start()).url);
    await eventually(async () => (await get(client, '/ready')).status === 200);
    await eventually(async () => (await get(client, '/health')).text.includes('"status":"healthy"'));
    const health = await get(client, '/health');
    expect([health.status, health.json]).toMatchObject([
      200,
      { status: 'healthy', components: { database: 'healthy', example: 'healthy' } },
    ]);
    expect(health.headers['cache-control']).toBe('no-store');
    expect((await get(client, '/openapi.json')).json).toMatchObject({ openapi: '3.1.0' });
    expect((await get(client, '/nothing')).status).toBe(404);
    expect((await get(client, '/__proto__')).status).toBe(404);
    expect((await get(client, '/metrics')).status).toBe(404);
    expect((await client.send({ method: 'POST', path: '/health' })).status).toBe(405);
  });

  it('tells the rest on the operations listener only', async () => {
    const server = await start();
    await initialize(clientOf(server.url), server.apiKey ?? '');
    await initialize(clientOf(server.url), 'wrong');
    const operations = clientOf(server.operationsUrl);
    expect((await get(operations, '/health/detailed')).json).toMatchObject({ sessions: 0, streams: 0 });
    const metrics = await get(operations, '/metrics');
    expect(metrics.text).toMatch(/seaworthy_http_requests_total\{status="401"\} 1/);
    expect(metrics.text).toMatch(/seaworthy_refusals_total\{code="SW_UNAUTHENTICATED"\} 1/);
    expect((await operations.send({ path: '/mcp', headers: jsonHeaders, body: initializeBody() })).status).not.toBe(
      200,
    );
  });

  it('checks Host and Origin on every address of both listeners', async () => {
    const server = await start();
    for (const [url, paths] of [
      [server.url, ['/mcp', '/health', '/ready', '/openapi.json', '/nothing']],
      [server.operationsUrl, ['/metrics', '/health/detailed', '/nothing']],
    ] as const)
      for (const path of paths) {
        expect((await get(clientOf(url), path, { host: 'evil.example' })).status, path).toBe(403);
        expect((await get(clientOf(url), path, { origin: 'https://evil.example' })).status, path).toBe(403);
      }
  });

  it('puts another configuration in force without losing what did not change', async () => {
    const server = await start();
    const client = clientOf(server.url);
    const key = server.apiKey ?? '';
    const { headers } = await initialize(client, key);
    const tools = async () => {
      const reply = await client.send({
        headers: { ...jsonHeaders, 'x-api-key': key, 'mcp-session-id': headers['mcp-session-id'] },
        body: { jsonrpc: '2.0', id: 1, method: 'tools/list' },
      });
      return JSON.stringify(reply.json);
    };
    const example = server.gateway.catalog.provider('example');
    const wider = await settingsOf(base.replace('"example:*"', '"*:*"'));
    await server.reload(() => wider.config);
    expect(await tools()).toContain('scratch__');
    expect(server.gateway.catalog.provider('example')).toBe(example);
    const narrower = await settingsOf(base.replace(', scratch: {}', ''));
    await server.reload(() => narrower.config);
    expect(server.gateway.catalog.has('scratch')).toBe(false);
    expect(await tools()).toContain('example__echo');
    expect(await tools()).not.toContain('scratch__');
  });

  it('finishes what runs before it stops, and answers nothing new', async () => {
    const server = await start();
    const key = server.apiKey ?? '';
    const { headers } = await initialize(clientOf(server.url), key);
    const session = { ...jsonHeaders, 'x-api-key': key, 'mcp-session-id': headers['mcp-session-id'] };
    const call = clientOf(server.url).send({
      headers: session,
      body: {
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name: 'example__countdown', arguments: { from: 3, intervalMs: 50 } },
      },
    });
    await eventually(() => server.gateway.context.calls.size === 1);
    running = [];
    const stopped = server.stop();
    expect(JSON.stringify(await call)).toContain('Lift-off');
    await stopped;
    await expect(initialize(clientOf(server.url), key)).rejects.toThrow();
  });
});

describe('a change of the configuration that is refused', () => {
  it('leaves everything as it was, and shows until one is taken', async () => {
    const server = await start();
    const { catalog } = server.gateway;
    const example = catalog.provider('example');
    const groups = (yaml: string) => `${base.replace('modules: {', 'modules: { ')}groups: ${yaml}\n`;
    const wrong = await settingsOf(groups('{ ops: { members: [example, nobody] } }'));
    await expect(server.reload(() => wrong.config)).rejects.toMatchObject({ code: 'SW_CONFIG_INVALID' });
    const states = async () => (await server.gateway.health()).components['configuration'];
    expect(await states()).toMatchObject({ status: 'degraded', message: expect.stringContaining('nobody') as string });
    expect([catalog.serves('ops'), catalog.provider('example')]).toEqual([false, example]);
    const right = await settingsOf(groups('{ ops: { members: [example, scratch] } }'));
    await server.reload(() => right.config);
    expect((await states())?.status).toBe('healthy');
    expect([catalog.serves('ops'), catalog.provider('example')]).toEqual([true, example]);
    const metrics = await get(clientOf(server.operationsUrl), '/metrics');
    expect(metrics.text).toContain('seaworthy_config_reloads_total{outcome="SW_CONFIG_INVALID"} 1');
    expect(metrics.text).toContain('seaworthy_config_reloads_total{outcome="ok"} 1');
  });
});

describe('a gateway that must not listen', () => {
  const refusals: readonly (readonly [string, string, string])[] = [
    [
      'everywhere without an authenticator',
      base.replace('server: { port: 0 }', 'server: { port: 0, host: 0.0.0.0 }\nauth: { mode: none }'),
      'SW_PUBLIC_WITHOUT_AUTH',
    ],
    ['with a module that nobody knows', base.replace('example: {}', 'nobody: {}'), 'SW_CONFIG_INVALID'],
    ['with a server that has neither command nor url', `${base}mcpServers: { x: {} }\n`, 'SW_CONFIG_INVALID'],
    ['with a name that is none', `${base}mcpServers: { "X Y": { command: x } }\n`, 'SW_CONFIG_INVALID'],
    [
      'with a group that has the name of a module',
      `${base}groups: { example: { members: [scratch] } }\n`,
      'SW_CONFIG_INVALID',
    ],
    ['with a group of nobody', `${base}groups: { ops: { members: [] } }\n`, 'SW_CONFIG_INVALID'],
    ['with a group of somebody unknown', `${base}groups: { ops: { members: [nobody] } }\n`, 'SW_CONFIG_INVALID'],
    ['with one name for two', `${base}mcpServers: { example: { command: x } }\n`, 'SW_CONFIG_INVALID'],
    [
      'with a secret that is not there',
      `${base}mcpServers: { x: { url: "http://127.0.0.1:1", headers: { a: "env:NOT_THERE" } } }\n`,
      'SW_SECRET_UNAVAILABLE',
    ],
    [
      'with a module file that is not there',
      base.replace('example: {}', 'mine: { path: ./none.js }'),
      'SW_MODULE_INVALID',
    ],
  ];
  it.each(refusals)('%s', async (_name, yaml, code) => {
    await expect(start(yaml)).rejects.toMatchObject({ code });
  });

  it('where something else listens', async () => {
    const { port } = new URL((await start()).url);
    await expect(start(base.replace('port: 0 }', `port: ${port} }`))).rejects.toMatchObject({
      code: 'SW_ADDRESS_IN_USE',
    });
  });
});

describe('settings', () => {
  it('are the well-known file of the working folder, else the embedded default', async () => {
    const embedded = loadSettings({ cwd: directory, environment: {} });
    expect([embedded.file, embedded.baseDir, Object.keys(embedded.config.modules)]).toEqual([
      undefined,
      directory,
      ['example', 'scratch'],
    ]);
    await writeFile(join(directory, 'seaworthy.yml'), 'server: { port: 1234 }');
    const found = loadSettings({ cwd: directory, environment: {} });
    expect([found.file, found.config.server.port]).toEqual([join(directory, 'seaworthy.yml'), 1234]);
  });
});
