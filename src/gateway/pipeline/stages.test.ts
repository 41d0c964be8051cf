import { afterEach, describe, expect, it } from 'vitest';
import type { Provider } from '#gateway/catalog/index.js';
import type { JsonObject } from '#protocol/model/index.js';
import { eventually } from '../../../test/support/eventually.js';
import { wireModule } from '../../../test/fixtures/wire-module.js';
import { startMcpHttp, type McpTestOptions, type McpTestServer } from '../../../test/support/mcp-http.js';
import { stages } from './index.js';

const servers: McpTestServer[] = [];
async function start(options: McpTestOptions = {}) {
  const wire = wireModule();
  const server = await startMcpHttp({ modules: [wire.module], ...options });
  servers.push(server);
  return { server, wire };
}
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** An upstream with one strict tool; `calls` is what reached it. */
function strictProvider(respond: () => Promise<JsonObject> = async () => ({ content: [] })) {
  const calls: JsonObject[] = [];
  const inputSchema = { type: 'object', properties: { n: { type: 'integer', 'x-mcp-header': 'N' } }, required: ['n'] };
  const snapshot = {
    provider: 'up',
    family: 'modern',
    at: 0,
    hash: 'x',
    serverInfo: undefined,
    capabilities: {},
    instructions: undefined,
    tools: [{ name: 'strict', inputSchema }],
    prompts: [],
    resources: [],
    resourceTemplates: [],
    ttlMs: 0,
    cacheScope: 'private',
  } as const;
  const provider: Provider = {
    id: 'up',
    kind: 'http',
    start: async () => {},
    snapshot: () => snapshot,
    refresh: async () => snapshot,
    invoke: ({ request }) => {
      calls.push(request.params);
      return respond();
    },
    subscribe: () => ({ accepted: Promise.resolve([]), close: () => {} }),
    onEvent: () => () => {},
    health: () => ({ status: 'healthy', message: 'ok' }),
    drain: async () => {},
    stop: async () => {},
  };
  return { provider, calls };
}

type Code = string | undefined;

describe('the stages of a call', () => {
  /** A call with the faults of these stages; the first of them in the list must be the one that answers. */
  async function answerTo(faults: readonly string[]): Promise<Code> {
    const has = (stage: string) => faults.includes(stage);
    const { provider, calls } = strictProvider(async () =>
      has('shape') ? { content: 'x'.repeat(9000) } : { content: [] },
    );
    const server = await startMcpHttp({
      providers: [has('call') ? { ...provider, invoke: () => Promise.reject(new TypeError('broken')) } : provider],
      access: [
        {
          role: 'owner',
          allow: has('authorize') ? ['up:strict', 'up:none'] : ['*:*'],
          ...(has('authorize') ? { deny: ['up:strict'] } : {}),
          confirm: has('confirm'),
        },
      ],
      limits: { maxResultBytes: 5000 },
      ...(has('limit') && { rates: { api: { limit: 1, windowMs: 60_000 } } }),
    });
    servers.push(server);
    if (has('limit')) await server.call('server/discover');
    const wire = server.modern(
      'tools/call',
      { name: has('resolve') ? 'up__none' : 'up__strict', arguments: has('validate') ? { n: 'x' } : { n: 1 } },
      {
        headers: {
          'mcp-param-n': has('validate') ? 'x' : '1',
          ...(has('authenticate') ? { authorization: 'Bearer no' } : {}),
        },
      },
    );
    const reply = await server.client.send(wire);
    const result = reply.json?.result;
    // An audit record ends every call, however it went; a credential that is refused leaves one of its own.
    expect(server.audit.length - (has('limit') ? 1 : 0)).toBe(1);
    expect(server.audit.at(-1)?.event).toBe(has('authenticate') ? 'login.failed' : undefined);
    expect(calls.length).toBe(
      faults.some((stage) => ['shape'].includes(stage)) && faults.length === 1 ? 1 : faults.length === 0 ? 1 : 0,
    );
    return (
      (reply.json?.error?.data?.['code'] as Code) ?? (result?.['isError'] === true ? 'SW_ARGUMENTS_INVALID' : undefined)
    );
  }

  /** What each stage answers when its own fault is the first. */
  const codes: Readonly<Record<string, Code>> = {
    authenticate: 'SW_UNAUTHENTICATED',
    limit: 'SW_RATE_LIMITED',
    resolve: 'SW_TOOL_UNKNOWN',
    authorize: 'SW_ACCESS_DENIED',
    validate: 'SW_ARGUMENTS_INVALID',
    confirm: 'SW_CONFIRMATION_UNAVAILABLE',
    call: 'SW_INTERNAL',
    shape: 'SW_RESULT_TOO_LARGE',
  };
  const faulty = stages.filter((stage) => stage !== 'record');

  it('all have a fault here', () => {
    expect(Object.keys(codes)).toEqual(faulty);
    expect(stages.at(-1)).toBe('record');
  });

  // A name that is not in the view is refused by admission where it is denied: that pair has one answer.
  const pairs = faulty.flatMap((first, i) => faulty.slice(i + 1).map((second) => [first, second] as const));
  it.each(pairs.filter(([first, second]) => first !== 'call' || second !== 'shape'))(
    '%s comes before %s',
    async (first, second) => {
      expect(await answerTo([first, second])).toBe(codes[first]);
    },
  );

  it.each(faulty)('%s alone', async (stage) => {
    expect(await answerTo([stage])).toBe(codes[stage]);
  });

  it('let a call without faults through', async () => {
    expect(await answerTo([])).toBeUndefined();
  });
});

describe('limits', () => {
  it('of rate are answered 429 with the time to wait, in both families', async () => {
    const { server } = await start({ rates: { api: { limit: 3, windowMs: 60_000 } } });
    const session = await server.session();
    await server.call('tools/list');
    await server.call('tools/list');
    for (const reply of [await server.call('tools/list'), await session.call('tools/list')]) {
      expect([reply.status, reply.json?.error?.code, reply.json?.error?.data?.['code']]).toEqual([
        429,
        -31029,
        'SW_RATE_LIMITED',
      ]);
      expect(Number(reply.headers['retry-after'])).toBeGreaterThan(0);
      expect(reply.json?.error?.data?.['retryAfterSeconds']).toBe(Number(reply.headers['retry-after']));
    }
    // Another principal has a bucket of its own.
    expect((await server.call('tools/list', {}, { role: 'reader' })).status).toBe(200);
  });

  it.each([
    ['principal', { concurrencyPerPrincipal: 2 }],
    ['provider', { concurrencyPerProvider: 2 }],
    ['provider, where it has its own', { concurrencyOf: new Map([['wire', 2]]) }],
  ])('of concurrency per %s are answered 429, and places are given back', async (_name, limits) => {
    const { server, wire } = await start({ limits });
    const running = [
      server.call('tools/call', { name: 'wire__hold' }),
      server.call('tools/call', { name: 'wire__hold' }),
    ];
    await eventually(() => wire.held.length === 2);
    const refused = await server.call('tools/call', { name: 'wire__echo' });
    expect([refused.status, refused.json?.error?.data?.['code'], refused.headers['retry-after']]).toEqual([
      429,
      'SW_CONCURRENCY_LIMITED',
      '1',
    ]);
    // Lists hold no place.
    expect((await server.call('tools/list')).status).toBe(200);
    for (const { release } of wire.held) release('done');
    await Promise.all(running);
    expect((await server.call('tools/call', { name: 'wire__echo' })).status).toBe(200);
  });

  it('of concurrency are given back on failure, refusal and cancellation, too', async () => {
    const { server, wire } = await start({ limits: { concurrencyPerPrincipal: 1 } });
    await server.call('tools/call', { name: 'wire__fail' });
    await server.call('tools/call', { name: 'wire__ask', arguments: { kinds: ['roots'] } });
    const session = await server.session();
    const call = session.call('tools/call', { name: 'wire__hold' }, 1);
    await eventually(() => wire.held.length === 1);
    await session.notify('notifications/cancelled', { requestId: 1 });
    await call;
    expect((await server.call('tools/call', { name: 'wire__echo' })).status).toBe(200);
  });

  it('of time end a call in both families, and tell its provider', async () => {
    const { server, wire } = await start({ limits: { callTimeoutMs: 20 } });
    const session = await server.session();
    for (const reply of [
      await server.call('tools/call', { name: 'wire__hold' }),
      await session.call('tools/call', { name: 'wire__hold' }),
    ])
      expect([reply.status, reply.json?.error?.data?.['code']]).toEqual([200, 'SW_DEADLINE_EXCEEDED']);
    expect(wire.held.map(({ cancelled }) => cancelled)).toEqual([true, true]);
    expect(server.audit.map(({ outcome }) => outcome).filter((outcome) => outcome === 'timeout')).toHaveLength(2);
  });

  it('of size replace a result that is too large by a typed error', async () => {
    const { server } = await start({ limits: { maxResultBytes: 10_000 } });
    const call = (size: number) => server.call('tools/call', { name: 'wire__big', arguments: { size } });
    expect((await call(9000)).json?.result).toHaveProperty('content');
    expect((await call(10_001)).json?.error?.data?.['code']).toBe('SW_RESULT_TOO_LARGE');
  });
});

describe('a call whose client has gone before its turn', () => {
  it('is never given to its provider', async () => {
    let open: (() => void) | undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const { provider, calls } = strictProvider();
    const { server } = await start({
      providers: [{ ...provider, start: () => gate, snapshot: () => undefined }],
      coldWaitMs: 5000,
    });
    const call = server.call('tools/call', { name: 'wire__echo' }).catch(() => undefined);
    await eventually(() => server.context.calls !== undefined && server.client !== undefined);
    await new Promise((resolve) => setTimeout(resolve, 50));
    server.client.close();
    await call;
    await new Promise((resolve) => setTimeout(resolve, 50));
    open?.();
    await eventually(() => server.audit.length === 1);
    expect(server.audit[0]?.outcome).toBe('cancelled');
    expect(calls).toEqual([]);
  });
});

describe('what a call leaves behind', () => {
  it('is one audit record with its end, and never what was said in it', async () => {
    const { server } = await start();
    const secret = 'planted-argument-4711';
    await server.call('tools/call', { name: 'wire__echo', arguments: { secret } });
    await server.call('tools/call', { name: 'wire__fail', arguments: { secret } });
    await server.call('tools/call', { name: 'wire__none', arguments: { secret } });
    await server.call('resources/read', { uri: 'wire://one' });
    expect(
      server.audit.map(({ method, name, shown, outcome, code }) => [method, name ?? shown, outcome, code]),
    ).toEqual([
      ['tools/call', 'echo', 'ok', undefined],
      ['tools/call', 'fail', 'tool_error', undefined],
      ['tools/call', 'wire__none', 'refused', 'SW_TOOL_UNKNOWN'],
      ['resources/read', 'wire://one', 'ok', undefined],
    ]);
    expect(JSON.stringify(server.audit) + server.logText() + (await server.metrics.text())).not.toContain(secret);
  });
});
