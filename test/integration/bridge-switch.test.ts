import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { initializeBody, jsonHeaders } from '../support/mcp-http.js';
import { WireClient, type Reply } from '../support/mcp-wire.js';
import { startLegacyAsker, type LegacyAsker } from '../support/legacy-asker.js';
import { ModernClient } from '../support/modern-client.js';
import { startSeaworthy, type Seaworthy } from '../support/seaworthy-process.js';
import { startWorkbench, workbenchOverStdio } from '../support/upstream-servers.js';

let modern: Awaited<ReturnType<typeof startWorkbench>>;
let both: Awaited<ReturnType<typeof startWorkbench>>;
let asker: LegacyAsker;
/** `new`: modern only; `old`: legacy only; `dual`: both; `bridged`: legacy, with its own switch on. */
let program: Seaworthy;
let wire: WireClient;

beforeAll(async () => {
  [modern, both, asker] = await Promise.all([startWorkbench('modern'), startWorkbench('both'), startLegacyAsker()]);
  program = await startSeaworthy({
    config: {
      auth: { mode: 'none' },
      access: [{ role: 'anonymous', allow: ['*:*'] }],
      mcpServers: {
        new: { url: modern.url, bridge: false },
        old: { url: asker.url, bridge: false },
        dual: { url: both.url, bridge: false },
        pipe: { ...workbenchOverStdio('legacy'), bridge: false },
        bridged: { url: asker.url },
      },
    },
  });
  const { hostname, port } = new URL(program.url);
  wire = new WireClient(hostname, Number(port));
});
afterAll(async () => {
  wire.close();
  await program.stop();
  await Promise.all([modern.stop('SIGKILL'), both.stop('SIGKILL'), asker.stop()]);
});

const initialize = (route: string): Promise<Reply> =>
  wire.send({ path: `/mcp${route}`, headers: jsonHeaders, body: initializeBody() });

describe('a server that is not bridged', () => {
  it('tells legacy clients of a modern one which revisions there are', async () => {
    expect(await initialize('/new')).toMatchObject({
      status: 400,
      json: { id: 0, error: { code: -32022, data: { supported: ['2026-07-28'], requested: '2025-11-25' } } },
    });
    for (const method of ['GET', 'DELETE']) {
      const headers = { accept: 'text/event-stream', 'mcp-session-id': 'any' };
      expect((await wire.send({ path: '/mcp/new', method, headers })).status).toBe(405);
    }
  });

  it.each(['old', 'pipe'])(
    'tells modern clients of a legacy one (%s) nothing that they take for modern',
    async (id) => {
      const client = new ModernClient(`${program.url}/${id}`);
      for (const method of ['server/discover', 'tools/list']) {
        const { status, json } = await client.send(method);
        expect([status, json?.error?.code, json?.error?.data?.['code']]).toEqual([400, -31058, 'SW_BRIDGE_OFF']);
      }
      client.close();
    },
  );

  it('is found by a client of both families, which falls back', async () => {
    const client = new Client({ name: 'dual', version: '1' }, { versionNegotiation: { mode: 'auto' } });
    await client.connect(new StreamableHTTPClientTransport(new URL(`${program.url}/old`)));
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain('count');
    await client.close();
  });

  it('goes on in its own family', async () => {
    expect((await initialize('/old')).status).toBe(200);
    const client = new ModernClient(`${program.url}/new`);
    expect(await client.callTool('echo', { arguments: { text: 'hi' } })).toMatchObject({
      result: { content: [{ text: 'hi' }] },
    });
    client.close();
  });

  it('serves both families where it speaks both', async () => {
    expect((await initialize('/dual')).status).toBe(200);
    const client = new ModernClient(`${program.url}/dual`);
    expect((await client.send('server/discover')).json?.result?.['supportedVersions']).toEqual(['2026-07-28']);
    client.close();
  });
});

describe('the merged endpoint', () => {
  const providersOf = (names: readonly string[]) => [...new Set(names.map((name) => name.split('__')[0]))].sort();

  it('shows a modern client what is modern or bridged', async () => {
    const client = new ModernClient(program.url);
    const { tools } = (await client.send('tools/list')).json?.result as { tools: { name: string }[] };
    expect(providersOf(tools.map(({ name }) => name))).toEqual(['bridged', 'dual', 'new']);
    expect((await client.callTool('old__count')).error?.data).toMatchObject({ code: 'SW_TOOL_UNKNOWN' });
    client.close();
  });

  it('shows a legacy client what is legacy or bridged', async () => {
    const client = new Client({ name: 'legacy', version: '1' });
    await client.connect(new StreamableHTTPClientTransport(new URL(program.url)));
    const { tools } = await client.listTools();
    expect(providersOf(tools.map(({ name }) => name))).toEqual(['bridged', 'dual', 'old', 'pipe']);
    await client.close();
  });

  it('with the bridge off for all has one family where all its servers do', async () => {
    const single = await startSeaworthy({
      config: {
        auth: { mode: 'none' },
        access: [{ role: 'anonymous', allow: ['*:*'] }],
        bridge: { enabled: false },
        mcpServers: { new: { url: modern.url } },
      },
    });
    const { hostname, port } = new URL(single.url);
    const direct = new WireClient(hostname, Number(port));
    const reply = await direct.send({ path: '/mcp', headers: jsonHeaders, body: initializeBody() });
    expect([reply.status, reply.json?.error?.code]).toEqual([400, -32022]);
    direct.close();
    await single.stop();
  });
});
