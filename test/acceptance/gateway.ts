import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startSeaworthy, type Seaworthy, type SeaworthyOptions } from '../support/seaworthy-process.js';
import {
  everythingOverStdio,
  filesystemOverStdio,
  memoryOverStdio,
  startEverything,
} from '../support/upstream-servers.js';
import type { Case } from './case.js';
import { clientKinds, connect, withClient, type ClientKind, type ClientTarget, type McpClient } from './clients.js';
import { everythingSurface } from './everything-surface.js';

const program = fileURLToPath(new URL('../../dist/app/cli/main.js', import.meta.url));
const all = [{ role: 'owner', allow: ['*:*'] }];
const everything = { mcpServers: { everything: everythingOverStdio }, access: all };
const scratch = { modules: { example: {}, scratch: {} }, access: all };

async function withGateway(
  options: SeaworthyOptions['config'],
  work: (gateway: Seaworthy) => Promise<void>,
  args: readonly string[] = [],
): Promise<void> {
  const gateway = await startSeaworthy({ config: options, args });
  try {
    await work(gateway);
  } finally {
    await gateway.stop();
  }
}

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'acceptance-'));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const targetOf = ({ url, apiKey }: Seaworthy, provider?: string): ClientTarget => ({
  url: provider === undefined ? url : `${url}/${provider}`,
  ...(apiKey !== undefined && { key: apiKey }),
});

interface Reply {
  readonly status: number;
  readonly header: (name: string) => string | undefined;
  readonly text: string;
}

/**
 * One POST as it is given: undici and fetch would correct the headers that these cases are about. With a
 * content-length of its own the body counts as begun only, and the answer must come without the rest.
 */
function post(url: string, body: string | Buffer, headers: Record<string, string>): Promise<Reply> {
  const standard = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
  return new Promise((resolve, reject) => {
    const sent = httpRequest(url, { method: 'POST', headers: { ...standard, ...headers } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          header: (name) => response.headers[name]?.toString(),
          text: Buffer.concat(chunks).toString(),
        });
        sent.destroy();
      });
    });
    sent.on('error', reject);
    if ('content-length' in headers) sent.write(body);
    else sent.end(body);
  });
}

const message = (method: string, params: object) => JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
const initialized = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' });
const initialize = message('initialize', {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: { name: 'acceptance', version: '1.0.0' },
});

async function openSession({ url, apiKey = '' }: Seaworthy): Promise<Record<string, string>> {
  const opened = await post(url, initialize, { authorization: `Bearer ${apiKey}` });
  equal(opened.status, 200, opened.text);
  const headers = {
    authorization: `Bearer ${apiKey}`,
    'mcp-session-id': opened.header('mcp-session-id') ?? '',
    'mcp-protocol-version': '2025-11-25',
  };
  equal((await post(url, initialized, headers)).status, 202);
  return headers;
}

async function makesOneKey(): Promise<void> {
  await withFolder(async (dataDir) => {
    await withGateway({ ...scratch, dataDir }, async ({ apiKey }) => match(apiKey ?? '', /^swk_/));
    await withGateway({ ...scratch, dataDir }, async ({ apiKey }) => equal(apiKey, undefined));
  });
}

async function asksForAKey(): Promise<void> {
  await withGateway(scratch, async ({ url }) => {
    for (const headers of [{}, { authorization: 'Bearer swk_wrong' }] as Record<string, string>[]) {
      const { status, header } = await post(url, initialize, headers);
      equal(status, 401);
      match(header('www-authenticate') ?? '', /^Bearer/);
    }
  });
}

async function hidesWhatIsNotAllowed(): Promise<void> {
  const access = [
    { role: 'owner', allow: ['everything:echo', 'everything:tools/get-*'], deny: ['everything:get-env'] },
  ];
  await withGateway({ ...everything, access }, async (gateway) => {
    for (const kind of clientKinds)
      await withClient(kind, targetOf(gateway, 'everything'), async (client) => {
        const names = (await client.listTools()).tools.map(({ name }) => name);
        ok(names.includes('echo') && names.includes('get-sum') && !names.includes('get-env'), names.join());
        ok(!names.includes('trigger-long-running-operation'));
        for (const name of ['get-env', 'gzip-file-as-resource'])
          await client.callTool({ name, arguments: {} }).then(
            () => ok(false, `${name} was called`),
            (error: unknown) => ok(error instanceof Error),
          );
      });
  });
}

/**
 * Through the gateway and direct: the same answers. server-everything is legacy, so the clients of the second
 * generation go there in the legacy family, and to the gateway in the modern one.
 */
async function equalsDirect(kind: ClientKind, over: 'stdio' | 'http'): Promise<void> {
  const server = over === 'http' ? await startEverything('streamableHttp') : undefined;
  const upstream = server ? { url: server.url } : everythingOverStdio;
  const survey = (client: McpClient) => everythingSurface(client, kind === 'sdk-1');
  try {
    const direct = await withClient(kind === 'sdk-2-modern' ? 'sdk-2-auto' : kind, upstream, survey);
    await withGateway({ mcpServers: { everything: upstream }, access: all }, async (gateway) => {
      deepEqual(await withClient(kind, targetOf(gateway, 'everything'), survey), direct);
    });
  } finally {
    await server?.stop('SIGKILL');
  }
}

async function servesFilesystem(): Promise<void> {
  await withFolder(async (folder) => {
    await writeFile(join(folder, 'log.txt'), 'wind 5');
    const config = { mcpServers: { files: filesystemOverStdio(folder) }, access: all };
    await withGateway(config, async (gateway) => {
      for (const kind of clientKinds)
        await withClient(kind, targetOf(gateway), async (client) => {
          const read = await client.callTool({
            name: 'files__read_text_file',
            arguments: { path: join(folder, 'log.txt') },
          });
          match(JSON.stringify(read), /wind 5/);
          const outside = await client.callTool({ name: 'files__read_text_file', arguments: { path: '/etc/passwd' } });
          equal(outside['isError'], true);
        });
    });
  });
}

async function servesMemory(): Promise<void> {
  await withFolder(async (folder) => {
    const memory = { ...memoryOverStdio, env: { MEMORY_FILE_PATH: join(folder, 'memory.jsonl') } };
    await withGateway({ mcpServers: { memory }, access: all }, async (gateway) => {
      const entities = [{ name: 'Ada', entityType: 'ship', observations: ['floats'] }];
      await withClient('sdk-1', targetOf(gateway), (client) =>
        client.callTool({ name: 'memory__create_entities', arguments: { entities } }),
      );
      const graph = await withClient('sdk-2-modern', targetOf(gateway), (client) =>
        client.callTool({ name: 'memory__read_graph', arguments: {} }),
      );
      match(JSON.stringify(graph), /floats/);
    });
  });
}

async function drains(): Promise<void> {
  const gateway = await startSeaworthy({ config: everything });
  const client = await connect('sdk-1', targetOf(gateway));
  const name = 'everything__trigger-long-running-operation';
  const calling = client.callTool({ name, arguments: { duration: 2, steps: 2 } });
  await sleep(500);
  const stopping = gateway.stop('SIGTERM');
  match(JSON.stringify(await calling), /completed/);
  await client.close();
  equal(await stopping, 0);
}

async function keepsSessionsOverACrash(): Promise<void> {
  await withFolder(async (dataDir) => {
    const first = await startSeaworthy({ config: { ...scratch, dataDir } });
    const headers = await openSession(first);
    await first.kill();
    const config = { ...scratch, dataDir, server: { port: Number(new URL(first.url).port) } };
    await withGateway(config, async ({ url }) => {
      const { status, text } = await post(url, message('tools/list', {}), headers);
      equal(status, 200, text);
      match(text, /example__echo/);
    });
  });
}

async function refusesForeignHosts(): Promise<void> {
  await withGateway(scratch, async ({ url, apiKey = '' }) => {
    const authorization = `Bearer ${apiKey}`;
    for (const headers of [{ host: 'evil.example' }, { origin: 'https://evil.example' }, { origin: 'null' }])
      equal((await post(url, initialize, { authorization, ...headers })).status, 403, JSON.stringify(headers));
    equal((await post(url, initialize, { authorization })).status, 200);
  });
}

async function readsJsonStrictly(): Promise<void> {
  const deep = `${'['.repeat(200)}${']'.repeat(200)}`;
  const refused: readonly [string, string | Buffer, number, number, Record<string, string>?][] = [
    ['no JSON', '{', 400, -32700],
    ['not UTF-8', Buffer.from([0x22, 0xff, 0x22]), 400, -32700],
    ['a key twice', '{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/list"}', 400, -32600],
    ['a key in two cases', '{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/list"}', 400, -32600],
    ['too deep', `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":${deep}}}`, 400, -32600],
    ['no request', '{"jsonrpc":"1.0","id":1,"method":"ping"}', 400, -32600],
    ['another media type', initialize, 415, -32600, { 'content-type': 'text/plain' }],
    ['too large', initialize, 413, -32600, { 'content-length': '5000000' }],
  ];
  await withGateway(scratch, async ({ url, apiKey = '' }) => {
    for (const [name, body, status, code, headers] of refused) {
      const reply = await post(url, body, { authorization: `Bearer ${apiKey}`, ...headers });
      equal(reply.status, status, `${name}: ${reply.text}`);
      equal((JSON.parse(reply.text) as { error: { code: number } }).error.code, code, `${name}: ${reply.text}`);
    }
  });
}

async function reloads(): Promise<void> {
  await withFolder(async (folder) => {
    const file = join(folder, 'seaworthy.yaml');
    const config = { ...scratch, dataDir: folder, server: { port: 0 }, operations: { port: 0 } };
    await writeFile(file, JSON.stringify(config));
    const work = async (gateway: Seaworthy) => {
      const headers = await openSession(gateway);
      const added = { ...config, mcpServers: { everything: everythingOverStdio } };
      await writeFile(file, JSON.stringify(added));
      for (let i = 0; ; i++) {
        const { status, text } = await post(gateway.url, message('tools/list', {}), headers);
        equal(status, 200, text);
        if (text.includes('everything__echo')) break;
        ok(i < 100, 'the added server does not appear');
        await sleep(100);
      }
      // A file that does not load changes nothing.
      await writeFile(file, '{ not: [valid');
      await sleep(600);
      match((await post(gateway.url, message('tools/list', {}), headers)).text, /everything__echo/);
    };
    // The last --config wins over the one of the test support.
    await withGateway(config, work, ['--config', file]);
  });
}

async function servesStdio(kind: ClientKind): Promise<void> {
  await withFolder(async (folder) => {
    await mkdir(join(folder, 'data'));
    const file = join(folder, 'seaworthy.yaml');
    await writeFile(file, JSON.stringify({ ...everything, ...scratch, dataDir: 'data' }));
    const target = (...more: string[]) => ({
      command: process.execPath,
      args: [program, 'stdio', '--config', file, ...more],
      cwd: folder,
    });
    await withClient(kind, target(), async (client) => {
      const names = (await client.listTools()).tools.map(({ name }) => name);
      ok(names.includes('everything__echo') && names.includes('example__echo'), names.join());
      const echoed = await client.callTool({ name: 'everything__echo', arguments: { message: 'ahoy' } });
      match(JSON.stringify(echoed), /ahoy/);
    });
    await withClient(kind, target('--provider', 'everything'), async (client) => {
      match(JSON.stringify(await client.callTool({ name: 'echo', arguments: { message: 'alone' } })), /alone/);
    });
  });
}

const surfaceCases = (['stdio', 'http'] as const).flatMap((over) =>
  clientKinds.map((kind) => ({
    states: `every method of server-everything over ${over} equals direct for ${kind}`,
    run: () => equalsDirect(kind, over),
  })),
);

/** Numbered in this order: add at the end, so that an id keeps its meaning. */
export const cases: readonly Case[] = [
  { states: 'the first start makes a key and the second does not', run: makesOneKey },
  { states: 'a request without a valid key is 401 with WWW-Authenticate', run: asksForAKey },
  { states: 'the allow list hides and refuses', run: hidesWhatIsNotAllowed },
  ...surfaceCases,
  { states: 'server-filesystem works', run: servesFilesystem },
  { states: 'server-memory works', run: servesMemory },
  { states: 'SIGTERM lets a call finish and exits 0', run: drains },
  { states: 'a legacy session survives kill -9 and a restart', run: keepsSessionsOverACrash },
  { states: 'foreign Host and Origin are refused', run: refusesForeignHosts },
  { states: 'JSON is read strictly', run: readsJsonStrictly },
  { states: 'a reload adds a server and keeps the session; a broken file changes nothing', run: reloads },
  ...clientKinds.map((kind) => ({ states: `the stdio endpoint works with ${kind}`, run: () => servesStdio(kind) })),
].map((each, i) => ({ id: `G-${String(i + 1).padStart(2, '0')}`, ...each }));
