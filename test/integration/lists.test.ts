import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createUpstream } from '#gateway/upstreams/index.js';
import { silentLogger } from '#kernel/telemetry/index.js';
import { serve, type RunningServer } from '../../src/app/serve/index.js';
import { loadSettings } from '../../src/app/settings.js';
import { connect, type McpClient } from '../acceptance/clients.js';
import { eventually } from '../support/eventually.js';
import { onePage, startListServer, toolNamed, type ListAnswer, type ListServer } from '../support/list-server.js';
import { streamText } from '../support/stream-text.js';
import { startWorkbench, workbenchOverStdio } from '../support/upstream-servers.js';

let directory: string;
let cleanups: (() => Promise<unknown>)[];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lists-'));
  cleanups = [() => rm(directory, { recursive: true, force: true })];
});
afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

async function listServer(page: (cursor: unknown) => ListAnswer, port?: number): Promise<ListServer> {
  const server = await startListServer(page, port);
  cleanups.push(() => server.stop());
  return server;
}

const settingsOf = async (config: object) => {
  const file = join(directory, 'seaworthy.yaml');
  const base = { server: { port: 0 }, operations: { port: 0 }, dataDir: directory, auth: { mode: 'none' } };
  const access = [{ role: 'anonymous', allow: ['*:*'] }];
  await writeFile(file, JSON.stringify({ ...base, access, drain: { timeoutMs: 1000 }, ...config }));
  return loadSettings({ file, environment: {} });
};

async function gateway(config: object): Promise<RunningServer> {
  const running = await serve(await settingsOf(config), { logger: silentLogger, environment: { ...process.env } });
  cleanups.push(() => running.stop());
  return running;
}

async function client(url: string): Promise<McpClient> {
  const connected = await connect('sdk-2-modern', { url });
  cleanups.push(() => connected.close());
  return connected;
}

/** One modern request; its answer whole. */
const ask = async (url: string, method: string, params: object = {}): Promise<Answer> =>
  (await (await send(url, method, params)).json()) as Answer;

/** A stream on which the server tells of one resource, acknowledged. */
async function watch(url: string, uri: string): Promise<{ text(): string }> {
  const response = await send(url, 'subscriptions/listen', { notifications: { resourceSubscriptions: [uri] } });
  const stream = streamText(response);
  cleanups.push(stream.stop);
  await eventually(() => stream.text().includes(uri));
  return stream;
}

function send(url: string, method: string, params: object): Promise<Response> {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const name = 'name' in params ? { 'mcp-name': String(params.name) } : {};
  return fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
      ...name,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta } }),
  });
}
interface Answer {
  readonly result?: { readonly tools?: { readonly name: string }[]; readonly _meta?: Record<string, unknown> };
  readonly error?: { readonly code: number; readonly message: string };
}
const namesOf = ({ result }: Answer) => result?.tools?.map(({ name }) => name) ?? [];
const awayOf = ({ result }: Answer) => result?._meta?.['dev.seaworthy/unavailableProviders'];

describe('an upstream whose list', () => {
  const read = async (page: (cursor: unknown) => ListAnswer, listTimeoutMs = 5000) => {
    const server = await listServer(page);
    const provider = createUpstream('up', { url: server.url, listTimeoutMs }, { logger: silentLogger });
    cleanups.push(() => provider.stop());
    await provider.start();
    return { provider, server };
  };

  it('has pages is read to the last one, also past a cursor that is empty', async () => {
    const pages: Record<string, object> = {
      first: { tools: [toolNamed('a')], nextCursor: '' },
      '': { tools: [toolNamed('b')], nextCursor: 'end' },
      end: { tools: [toolNamed('c')] },
    };
    const { provider } = await read((cursor) => ({
      result: pages[typeof cursor === 'string' ? cursor : 'first'] ?? {},
    }));
    expect(provider.snapshot()?.tools.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  });

  it('changes on the way, so that a cursor is refused, is read again from its start', async () => {
    let refused = false;
    const { provider, server } = await read((cursor) => {
      if (cursor === undefined) return { result: { tools: [toolNamed('a')], nextCursor: 'x' } };
      if (refused) return { result: { tools: [toolNamed('b')] } };
      refused = true;
      return { error: { code: -32602, message: 'the list has changed' } };
    });
    expect(provider.snapshot()?.tools.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(server.cursors).toEqual([undefined, 'x', undefined, 'x']);
  });

  it.each<[string, string, (cursor: unknown) => ListAnswer]>([
    ['repeats a page for ever', 'the same cursor again', () => ({ result: { tools: [], nextCursor: 'x' } })],
    [
      'has ever more pages',
      'more than 1000 pages',
      (cursor) => ({ result: { tools: [], nextCursor: String(Number(cursor ?? 0) + 1) } }),
    ],
    [
      'has too many items',
      'more than 10000 items',
      () => ({ result: { tools: Array.from({ length: 10_001 }, (_, index) => toolNamed(`t${String(index)}`)) } }),
    ],
    ['never comes', 'no answer within 300 ms', () => 'never'],
  ])('%s is given up, and health says why', async (_what, reason, page) => {
    const { provider } = await read(page, reason.includes('300') ? 300 : 20_000);
    expect(provider.snapshot()).toBeUndefined();
    expect(provider.health()).toMatchObject({
      status: 'unhealthy',
      message: expect.stringContaining(reason) as string,
    });
  });
});

describe('a member of a group that hangs', () => {
  it('costs its own entries, no more, and appears when it comes', async () => {
    const [good, hung] = [await listServer(() => onePage('x')), await listServer(() => 'never')];
    const { url } = await gateway({
      mcpServers: { good: { url: good.url }, hung: { url: hung.url, listTimeoutMs: 400 } },
      groups: { open: { members: ['good', 'hung'] }, closed: { members: ['hung', 'good'], onFailure: 'closed' } },
      lists: { coldWaitMs: 200 },
    });
    const listed = await ask(`${url}/open`, 'tools/list');
    expect([namesOf(listed), awayOf(listed)]).toEqual([['good__x'], ['hung']]);
    const refused = await ask(`${url}/closed`, 'tools/list');
    expect(refused.error).toMatchObject({ code: -31050, message: expect.stringContaining('hung') as string });
    expect((await ask(`${url}/closed`, 'server/discover')).error?.code).toBe(-31050);
    hung.answer(() => onePage('y'));
    await eventually(async () => namesOf(await ask(url, 'tools/list')).includes('hung__y'), 10_000);
    expect(awayOf(await ask(url, 'tools/list'))).toBeUndefined();
    expect(namesOf(await ask(`${url}/closed`, 'tools/list')).sort()).toEqual(['good__x', 'hung__y']);
    const called = await ask(`${url}/open`, 'tools/call', { name: 'good__x', arguments: {} });
    expect(called.result).toMatchObject({ content: [{ text: 'x' }] });
  }, 20_000);
});

describe('a member that is down at start', () => {
  it('has its lists of the run before, and is named', async () => {
    const server = await listServer(() => onePage('kept'));
    const config = { mcpServers: { up: { url: server.url } } };
    const first = await gateway(config);
    await eventually(async () => namesOf(await ask(first.url, 'tools/list')).length === 1);
    await first.stop();
    await server.stop();
    const second = await gateway(config);
    expect(namesOf(await ask(second.url, 'tools/list'))).toEqual(['up__kept']);
    await eventually(async () => JSON.stringify(awayOf(await ask(second.url, 'tools/list'))) === '["up"]');
    const { components } = await second.gateway.health();
    expect(components['up']?.status).not.toBe('healthy');
    // It comes back, with other tools.
    await listServer(() => onePage('fresh'), Number(new URL(server.url).port));
    await eventually(async () => namesOf(await ask(second.url, 'tools/list')).join() === 'up__fresh', 15_000);
    expect(awayOf(await ask(second.url, 'tools/list'))).toBeUndefined();
  }, 30_000);
});

describe('an upstream that announces without end', () => {
  it('is read, and told of, at a bounded rate', async () => {
    let version = 0;
    const server = await listServer(() => onePage(`v${String(version)}`));
    const running = await gateway({ mcpServers: { up: { url: server.url } }, lists: { changeIntervalMs: 200 } });
    await eventually(() => server.listeners > 0);
    let told = 0;
    const stop = running.gateway.catalog.onChange((change) => {
      if (change.kind === 'lists') told++;
    });
    const readings = server.cursors.length;
    const begun = performance.now();
    for (let storm = 0; storm < 400; storm++) {
      version++;
      server.announce();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await eventually(
      async () => namesOf(await ask(running.url, 'tools/list')).includes(`up__v${String(version)}`),
      5000,
    );
    const allowed = 3 + (performance.now() - begun) / 200;
    expect(server.cursors.length - readings).toBeGreaterThan(0);
    expect(server.cursors.length - readings).toBeLessThanOrEqual(allowed);
    // The list is new before clients are told of it, where they were told of another change a moment ago.
    await eventually(() => told > 0);
    expect(told).toBeLessThanOrEqual(allowed);
    stop();
  }, 20_000);
});

describe('a change of the configuration', () => {
  it('touches one upstream: its calls finish, new ones go to its successor, the others notice nothing', async () => {
    const [oldA, newA] = [await startWorkbench('both'), await startWorkbench('both')];
    cleanups.push(
      () => oldA.stop('SIGKILL'),
      () => newA.stop('SIGKILL'),
    );
    const b = workbenchOverStdio('both');
    const running = await gateway({ mcpServers: { a: { url: oldA.url }, b } });
    await running.gateway.catalog.started();
    const before = running.gateway.catalog.provider('b');
    const caller = await client(running.url);
    const stream = await watch(`${running.url}/b`, 'note://one');
    const inFlight = Promise.all([
      caller.callTool({ name: 'a__wait', arguments: { ms: 1500 } }),
      caller.callTool({ name: 'b__wait', arguments: { ms: 1500 } }),
    ]);
    const oldProvider = running.gateway.catalog.provider('a');
    const inFlightOf = (provider: typeof before) => provider.health().details?.['inFlight'];
    await eventually(() => inFlightOf(oldProvider) === 1 && inFlightOf(before) === 1);
    const changed = await settingsOf({ mcpServers: { a: { url: newA.url }, b } });
    await running.reload(() => changed.config);
    expect(running.gateway.catalog.provider('b')).toBe(before);
    // New calls go to the successor while the old one still works on its call.
    const echo = { name: 'a__echo', arguments: { text: 'new' } };
    expect(await caller.callTool(echo)).toMatchObject({ content: [{ text: 'new' }] });
    expect([inFlightOf(oldProvider), inFlightOf(before)]).toEqual([1, 1]);
    for (const result of await inFlight) expect(result).toMatchObject({ content: [{ text: 'waited' }] });
    await oldA.stop('SIGKILL');
    expect(await caller.callTool(echo)).toMatchObject({ content: [{ text: 'new' }] });
    const removed = await settingsOf({ mcpServers: { b } });
    await running.reload(() => removed.config);
    expect(running.gateway.catalog.provider('b')).toBe(before);
    const names = (await caller.listTools()).tools.map(({ name }) => name);
    expect(names.some((name) => name.startsWith('a__'))).toBe(false);
    await eventually(async () => {
      await caller.callTool({ name: 'b__touch', arguments: {} });
      return stream.text().includes('notifications/resources/updated');
    });
  }, 60_000);
});
