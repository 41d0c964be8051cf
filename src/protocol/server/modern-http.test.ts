import { afterEach, describe, expect, it } from 'vitest';
import { meta } from '../model/index.js';
import { eventually } from '../../../test/support/eventually.js';
import { wireModule } from '../../../test/fixtures/wire-module.js';
import { startMcpHttp, type McpTestOptions, type McpTestServer } from '../../../test/support/mcp-http.js';

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

describe('the status of a modern error', () => {
  const cases: readonly (readonly [string, string, object, number, number])[] = [
    ['an unknown method', 'no/method', {}, 404, -32601],
    ['a method that was removed', 'ping', {}, 404, -32601],
    ['initialize with an envelope', 'initialize', {}, 404, -32601],
    ['a session method', 'resources/subscribe', { uri: 'wire://one' }, 404, -32601],
    ['a method of the tasks extension', 'tasks/get', {}, 404, -32601],
    ['a method that is a name of objects', 'constructor', {}, 404, -32601],
    ['an unknown tool', 'tools/call', { name: 'wire__nothing' }, 200, -32602],
    ['no name', 'tools/call', {}, 200, -32602],
    ['a name that is no string', 'tools/call', { name: 7 }, 200, -32602],
    ['an empty name', 'tools/call', { name: '' }, 200, -32602],
    ['arguments that are no object', 'tools/call', { name: 'wire__echo', arguments: 'x' }, 200, -32602],
    ['a prompt that does not exist', 'prompts/get', { name: 'wire__nothing' }, 200, -32602],
    ['a resource that does not exist', 'resources/read', { uri: 'wire://nothing' }, 200, -32602],
    ['a resource of nobody', 'resources/read', { uri: 'nobody://x' }, 200, -32602],
    ['a cursor that is not ours', 'tools/list', { cursor: 'x' }, 200, -32602],
    ['a cursor of another type', 'tools/list', { cursor: 7 }, 200, -32602],
    ['a filter that is none', 'subscriptions/listen', { notifications: 'all' }, 200, -32602],
    ['URIs that are none', 'subscriptions/listen', { notifications: { resourceSubscriptions: [1] } }, 200, -32602],
    [
      'too many URIs',
      'subscriptions/listen',
      { notifications: { resourceSubscriptions: Array(1001).fill('a:b') } },
      200,
      -32602,
    ],
    [
      'a capability that was not declared',
      'tools/call',
      { name: 'wire__ask', arguments: { kinds: ['sample'] } },
      400,
      -32021,
    ],
    ['a failure of the module', 'prompts/get', { name: 'wire__hello', arguments: { who: 7 } }, 200, -32602],
  ];
  it.each(cases)('%s', async (_name, method, params, status, code) => {
    const { server } = await start();
    const reply = await server.call(method, params, { id: 'my-id' });
    expect([reply.status, reply.json?.error?.code, reply.json?.id], reply.text).toEqual([status, code, 'my-id']);
  });

  it('names the missing resource and the missing capability', async () => {
    const { server } = await start();
    const resource = await server.call('resources/read', { uri: 'wire://nothing' });
    expect(resource.json?.error?.data).toMatchObject({ uri: 'wire://nothing' });
    const capability = await server.call('tools/call', { name: 'wire__ask', arguments: { kinds: ['sample'] } });
    expect(capability.json?.error?.data).toMatchObject({ requiredCapabilities: { sampling: {} } });
  });

  const envelopes: readonly (readonly [string, object])[] = [
    ['capabilities that are no object', { [meta.clientCapabilities]: [] }],
    ['a client without a name', { [meta.clientInfo]: { version: '1' } }],
    ['a log level that is none', { [meta.logLevel]: 'loud' }],
    ['a progress token that is none', { progressToken: {} }],
  ];
  it.each(envelopes)('of an envelope with %s', async (_name, given) => {
    const { server } = await start();
    const reply = await server.call('tools/list', {}, { meta: given });
    expect([reply.status, reply.json?.error?.code]).toEqual([400, -32602]);
  });
});

describe('a modern result', () => {
  it('is complete, says how long it may be kept and who made it', async () => {
    const { server } = await start();
    for (const method of [
      'server/discover',
      'tools/list',
      'prompts/list',
      'resources/list',
      'resources/templates/list',
    ]) {
      const { json } = await server.call(method);
      expect(json?.result).toMatchObject({ resultType: 'complete', ttlMs: 0, cacheScope: 'private' });
      expect((json?.result?.['_meta'] as Record<string, unknown>)[meta.serverInfo]).toEqual({
        name: 'test-gateway',
        version: '1',
      });
    }
    const read = await server.call('resources/read', { uri: 'wire://one' });
    expect(read.json?.result).toMatchObject({
      resultType: 'complete',
      ttlMs: 0,
      cacheScope: 'private',
      contents: [{ text: 'This is one.' }],
    });
  });

  it('carries a completion', async () => {
    const { server } = await start();
    const { json } = await server.call('completion/complete', {
      ref: { type: 'ref/prompt', name: 'wire__hello' },
      argument: { name: 'who', value: 'w' },
    });
    expect(json?.result).toMatchObject({ completion: { values: ['world', 'wire'] } });
  });

  it('sees what of _meta is not the envelope', async () => {
    const { server } = await start();
    const { json } = await server.call(
      'tools/call',
      { name: 'wire__echo', arguments: { a: 1 } },
      { meta: { 'example.com/x': { deep: [1] }, traceparent: '00-1', [meta.clientInfo]: { name: 'n', version: '1' } } },
    );
    const [{ text } = { text: '' }] = (json?.result?.['content'] ?? []) as { text: string }[];
    expect(JSON.parse(text)).toEqual({ args: { a: 1 }, meta: { 'example.com/x': { deep: [1] }, traceparent: '00-1' } });
  });

  it('follows the notifications of its call, in order, on one stream', async () => {
    const { server } = await start();
    const reply = await server.call('tools/call', { name: 'wire__progress' }, { id: 9, meta: { progressToken: 'p' } });
    expect(reply.headers['content-type']).toBe('text/event-stream');
    expect(reply.headers['x-accel-buffering']).toBe('no');
    expect(reply.events.map(({ message }) => message?.params?.['progress'] ?? message?.id)).toEqual([1, 2, 3, 9]);
    expect(reply.events.every(({ id }) => id === undefined)).toBe(true);
  });

  it.each([
    [undefined, []],
    ['debug', ['debug', 'warning', 'critical']],
    ['warning', ['warning', 'critical']],
    ['emergency', []],
  ])('with log level %s comes with the messages %j', async (level, expected) => {
    const { server } = await start();
    const given = level === undefined ? {} : { [meta.logLevel]: level };
    const reply = await server.call('tools/call', { name: 'wire__chatter' }, { meta: given });
    expect(reply.events.flatMap(({ message }) => message?.params?.['level'] ?? [])).toEqual(expected);
  });

  it('asks for input, and completes when the answers come back with the state', async () => {
    const { server } = await start();
    const params = { name: 'wire__ask', arguments: { kinds: ['roots'] } };
    const given = { capabilities: { roots: {} } };
    const first = await server.call('tools/call', params, given);
    expect(first.json?.result).toMatchObject({
      resultType: 'input_required',
      inputRequests: { roots: { method: 'roots/list' } },
    });
    expect(first.json?.result).not.toHaveProperty('ttlMs');
    const { requestState } = first.json?.result ?? {};
    const second = await server.call(
      'tools/call',
      { ...params, inputResponses: { roots: { roots: [] } }, ...(requestState === undefined ? {} : { requestState }) },
      given,
    );
    expect(second.json?.result).toMatchObject({ resultType: 'complete', content: [{ text: '[[]]' }] });
  });

  it('is taken under a notification without an answer', async () => {
    const { server, wire } = await start();
    const body = { ...(server.modern('tools/call', { name: 'wire__echo' }).body as object), id: undefined };
    const reply = await server.client.send({ ...server.modern('tools/call', { name: 'wire__echo' }), body });
    expect([reply.status, reply.text, wire.ran]).toEqual([202, '', []]);
  });
});

describe('a modern client that goes away', () => {
  it('has cancelled its call', async () => {
    const { server, wire } = await start();
    const call = server.call('tools/call', { name: 'wire__hold' });
    call.catch(() => {});
    await eventually(() => wire.held.length === 1);
    expect(server.mcp.counts().calls).toBe(1);
    server.client.close();
    await eventually(() => wire.held[0]?.cancelled === true);
    await expect(call).rejects.toThrow();
    expect(server.mcp.counts().calls).toBe(0);
    expect(server.audit.at(-1)?.outcome).toBe('cancelled');
  });

  it('has cancelled it while it streams, too', async () => {
    const { server } = await start();
    const stream = await server.client.open(
      server.modern(
        'tools/call',
        { name: 'wire__flood', arguments: { times: 100_000, size: 10 } },
        { meta: { progressToken: 1 } },
      ),
    );
    await stream.until(() => true);
    stream.drop();
    await eventually(() => server.audit.at(-1)?.outcome === 'cancelled');
    expect(server.mcp.counts()).toMatchObject({ streams: 0 });
  });
});

describe('a client that reads slower than the server writes', () => {
  it('is cut off, and its call is cancelled', async () => {
    const { server } = await start({ http: { maxBufferedBytes: 64 * 1024 } });
    const stream = await server.client.open(
      server.modern(
        'tools/call',
        { name: 'wire__flood', arguments: { times: 2000, size: 50_000 } },
        { meta: { progressToken: 1 } },
      ),
    );
    stream.pause();
    await eventually(() => server.audit.at(-1)?.outcome === 'cancelled', 10_000);
    stream.resume();
    expect(await stream.ended()).toEqual({ complete: false });
  });
});

describe('subscriptions/listen', () => {
  const listen = (notifications: object, id: string | number = 'L') =>
    ['subscriptions/listen', { notifications }, { id }] as const;
  const tagged = (id: string | number) => ({ _meta: { [meta.subscriptionId]: id } });

  it('acknowledges first what it honours, and tags everything with its id', async () => {
    const { server, wire } = await start();
    const stream = await server.client.open(
      server.modern(
        ...listen(
          {
            toolsListChanged: true,
            resourcesListChanged: false,
            vendorThing: true,
            resourceSubscriptions: ['wire://one', 'nobody://x'],
          },
          7,
        ),
      ),
    );
    const first = await stream.until(() => true);
    expect(first.message).toEqual({
      jsonrpc: '2.0',
      method: 'notifications/subscriptions/acknowledged',
      params: { notifications: { toolsListChanged: true, resourceSubscriptions: ['wire://one'] }, ...tagged(7) },
    });
    wire.change();
    wire.update('wire://two');
    wire.update('wire://one');
    expect((await stream.message(({ method }) => method === 'notifications/resources/updated')).params).toEqual({
      uri: 'wire://one',
      ...tagged(7),
    });
    expect((await stream.message(({ method }) => method === 'notifications/tools/list_changed')).params).toEqual(
      tagged(7),
    );
  });

  it('tells nothing that was not asked for', async () => {
    const { server, wire } = await start();
    const quiet = await server.client.open(server.modern(...listen({ promptsListChanged: true })));
    const loud = await server.client.open(server.modern(...listen({ toolsListChanged: true })));
    await quiet.until(() => true);
    await loud.until(() => true);
    wire.change();
    await loud.message(({ method }) => method === 'notifications/tools/list_changed');
    expect(quiet.events).toHaveLength(1);
  });

  it('is not told of providers that the principal may not reach', async () => {
    const { server, wire } = await start({ access: [{ role: 'owner', allow: ['*:*'] }] });
    const options = (role: 'owner' | 'nobody') => ({ id: role, role });
    const filter = { notifications: { toolsListChanged: true, resourceSubscriptions: ['wire://one'] } };
    const denied = await server.client.open(server.modern('subscriptions/listen', filter, options('nobody')));
    const deniedHere = await server.client.open(
      server.modern('subscriptions/listen', filter, { ...options('nobody'), provider: 'wire' }),
    );
    const allowed = await server.client.open(server.modern('subscriptions/listen', filter, options('owner')));
    expect((await denied.until(() => true)).message?.params?.['notifications']).toEqual({
      toolsListChanged: true,
      resourceSubscriptions: [],
    });
    await deniedHere.until(() => true);
    await allowed.until(() => true);
    wire.update('wire://one');
    wire.change();
    await allowed.message(({ method }) => method === 'notifications/tools/list_changed');
    expect([denied.events.length, deniedHere.events.length]).toEqual([1, 1]);
  });

  it('may be open several times at once, and ends alone', async () => {
    const { server, wire } = await start();
    const streams = await Promise.all(
      ['a', 'b'].map((id) => server.client.open(server.modern(...listen({ toolsListChanged: true }, id)))),
    );
    await Promise.all(streams.map((stream) => stream.until(() => true)));
    streams[0]?.drop();
    await eventually(() => server.mcp.counts().streams === 1);
    wire.change();
    await streams[1]?.message(({ method }) => method === 'notifications/tools/list_changed');
  });

  it('ends politely at drain: an empty result under its id', async () => {
    const { server } = await start();
    const stream = await server.client.open(server.modern(...listen({ toolsListChanged: true }, 'L')));
    await stream.until(() => true);
    server.mcp.drain();
    expect(await stream.ended()).toEqual({ complete: true });
    expect(stream.events.at(-1)?.message).toMatchObject({
      id: 'L',
      result: { resultType: 'complete', ...tagged('L') },
    });
    expect((await server.call('tools/list')).status).toBe(503);
  });

  it('is refused past the limits: of the principal, of all', async () => {
    const streams = { maxStreams: 3, maxStreamsPerPrincipal: 2, keepAliveMs: 60_000 };
    const { server } = await start({ http: { streams }, access: [] });
    const open = (role: 'owner' | 'reader') =>
      server.client.open(server.modern('subscriptions/listen', { notifications: {} }, { role }));
    const mine = [await open('owner'), await open('owner')];
    const third = await server.call('subscriptions/listen', { notifications: {} });
    expect([third.status, third.json?.error?.data?.['code'], third.headers['retry-after']]).toEqual([
      429,
      'SW_CONCURRENCY_LIMITED',
      '1',
    ]);
    await open('reader');
    const fourth = await server.call('subscriptions/listen', { notifications: {} }, { role: 'nobody' });
    expect([fourth.status, fourth.json?.error?.data?.['code'], fourth.headers['retry-after']]).toEqual([
      503,
      'SW_OVERLOADED',
      '1',
    ]);
    mine[0]?.drop();
    await eventually(() => server.mcp.counts().streams === 2);
    expect((await open('owner')).status).toBe(200);
  });
});
