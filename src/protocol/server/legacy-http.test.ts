import { afterEach, describe, expect, it } from 'vitest';
import { memoryKeyRing } from '#kernel/secrets/index.js';
import { memorySharedState } from '#kernel/shared/index.js';
import { wireModule } from '../../../test/fixtures/wire-module.js';
import {
  initializeBody,
  jsonHeaders,
  startMcpHttp,
  type McpTestOptions,
  type McpTestServer,
} from '../../../test/support/mcp-http.js';
import { eventually } from '../../../test/support/eventually.js';

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

describe('a legacy session', () => {
  it.each(['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'])('speaks %s', async (revision) => {
    const { server } = await start();
    const session = await server.session({ revision });
    expect(session.revision).toBe(revision);
    expect(session.initialized).toMatchObject({
      serverInfo: { name: 'test-gateway' },
      capabilities: { tools: { listChanged: true } },
    });
    expect(await session.result('ping')).toEqual({});
  });

  it('is offered the newest legacy revision where it asks for one that nobody knows', async () => {
    const { server } = await start();
    for (const revision of ['2099-01-01', '2026-07-28', 'x'])
      expect((await server.session({ revision })).revision).toBe('2025-11-25');
  });

  it('tells the provider by its own name on a route of its own', async () => {
    const { server } = await start();
    const session = await server.session({ provider: 'wire' });
    expect(session.initialized).toMatchObject({ serverInfo: { name: 'wire' }, instructions: 'Instructions of wire.' });
    expect(await session.result('tools/call', { name: 'echo', arguments: {} })).toHaveProperty('content');
  });

  const badInitialize: readonly (readonly [string, object])[] = [
    ['no version', { capabilities: {} }],
    ['a version that is no string', { protocolVersion: 1, capabilities: {} }],
    ['no capabilities', { protocolVersion: '2025-11-25' }],
    [
      'capabilities without end',
      { protocolVersion: '2025-11-25', capabilities: { experimental: { x: 'y'.repeat(5000) } } },
    ],
  ];
  it.each(badInitialize)('is not opened with %s', async (_name, params) => {
    const { server } = await start();
    const reply = await server.client.send({
      headers: { ...jsonHeaders, authorization: `Bearer ${server.keys.owner}` },
      body: { jsonrpc: '2.0', id: 9, method: 'initialize', params },
    });
    expect(reply.json).toMatchObject({ id: 9, error: { code: -32602 } });
    expect(reply.headers).not.toHaveProperty('mcp-session-id');
  });

  it('must be named: 400 without one, 404 for one that is not', async () => {
    const { server } = await start();
    const session = await server.session();
    const send = (headers: Record<string, string>) =>
      server.client.send({
        headers: { ...jsonHeaders, authorization: `Bearer ${server.keys.owner}`, ...headers },
        body: session.request('ping'),
      });
    expect((await send({})).status).toBe(400);
    const damaged = session.id.slice(0, -2) + (session.id.endsWith('A') ? 'BB' : 'AA');
    for (const id of ['', 'x', 'null', damaged, session.id.slice(1), `${session.id}A`, 'A'.repeat(2000)])
      expect((await send({ 'mcp-session-id': id })).status, id).toBe(404);
    expect((await send({ 'mcp-session-id': session.id })).status).toBe(200);
    expect((await send({ 'mcp-session-id': session.id, 'mcp-protocol-version': '2099-01-01' })).status).toBe(400);
  });

  it('belongs to one principal and one route', async () => {
    const { server } = await start({
      access: [
        { role: '*', allow: [] },
        { role: 'owner', allow: ['*:*'] },
        { role: 'reader', allow: ['*:*'] },
      ],
    });
    const session = await server.session();
    const as = (key: string, path: string) =>
      server.client.send({
        ...session.wire(session.request('ping')),
        path,
        headers: { ...session.wire({}).headers, authorization: `Bearer ${key}` },
      });
    expect((await as(server.keys.owner, '/mcp')).status).toBe(200);
    expect((await as(server.keys.reader, '/mcp')).status).toBe(404);
    expect((await as(server.keys.owner, '/mcp/wire')).status).toBe(404);
    expect((await as('swk_wrong', '/mcp')).status).toBe(401);
  });

  it('ends by DELETE, on every replica that shares the revocations', async () => {
    const [keyRing, shared] = [memoryKeyRing(), memorySharedState()];
    const { server } = await start({ keyRing, shared });
    const { server: other } = await start({ keyRing, shared });
    const session = await server.session();
    const elsewhere = () =>
      other.client.send({
        ...session.wire(session.request('ping')),
        headers: { ...session.wire({}).headers, authorization: `Bearer ${server.keys.owner}` },
      });
    expect((await session.delete()).status).toBe(200);
    expect((await session.call('ping')).status).toBe(404);
    expect((await session.delete()).status).toBe(404);
    expect([401, 404]).toContain((await elsewhere()).status);
  });

  it('goes on in a new process with the same key ring, and not in one with another', async () => {
    const keyRing = memoryKeyRing();
    const one = { id: 'owner', kind: 'key', name: 'owner', roles: ['owner'] } as const;
    const authenticator = { authenticate: () => one };
    const { server: before } = await start({ keyRing, authenticator });
    const session = await before.session();
    const { server: after } = await start({ keyRing, authenticator });
    const { server: stranger } = await start({ authenticator });
    const ping = session.wire(session.request('tools/call', { name: 'wire__echo', arguments: {} }));
    expect((await after.client.send(ping)).status).toBe(200);
    expect((await stranger.client.send(ping)).status).toBe(404);
  });

  it('expires', async () => {
    let now = 1_000_000;
    const { server } = await start({ sessions: { now: () => now, maxAgeMs: 1000 } });
    const session = await server.session();
    now += 1000;
    expect((await session.call('ping')).status).toBe(200);
    now += 1;
    expect((await session.call('ping')).status).toBe(404);
  });

  it('is initialized once', async () => {
    const { server } = await start();
    const session = await server.session();
    const { params } = initializeBody();
    const again = await server.client.send(session.wire(session.request('initialize', params)));
    expect(again.headers['mcp-session-id']).not.toBe(session.id);
    expect((await session.call('ping')).status).toBe(200);
  });

  it('keeps nothing in memory for a client that only calls', async () => {
    const { server } = await start();
    const session = await server.session();
    for (let i = 0; i < 3; i++) await session.result('tools/call', { name: 'wire__echo', arguments: {} });
    await session.notify('notifications/initialized');
    expect(server.mcp.counts()).toEqual({ streams: 0, sessions: 0, calls: 0 });
  });
});

describe('the status of a legacy error', () => {
  const inBand: readonly (readonly [string, string, object, number])[] = [
    ['an unknown method', 'no/method', {}, -32601],
    ['a method of the modern family', 'server/discover', {}, -32601],
    ['an unknown tool', 'tools/call', { name: 'wire__nothing' }, -32602],
    ['no name', 'tools/call', {}, -32602],
    ['arguments that are no object', 'tools/call', { name: 'wire__echo', arguments: [] }, -32602],
    ['an unknown prompt', 'prompts/get', { name: 'wire__nothing' }, -32602],
    ['an unknown resource', 'resources/read', { uri: 'wire://nothing' }, -32002],
    ['a bad cursor', 'tools/list', { cursor: 'x' }, -32602],
    ['a bad level', 'logging/setLevel', { level: 'loud' }, -32602],
    ['a bad reference', 'completion/complete', { ref: { type: 'ref/other' } }, -32602],
    ['no reference', 'completion/complete', {}, -32602],
    ['an unknown subscription', 'resources/subscribe', { uri: 'wire://nothing' }, -32002],
    ['a subscription without a URI', 'resources/subscribe', {}, -32602],
  ];
  it.each(inBand)(
    'is 200 for %s, because 404 would mean that the session is gone',
    async (_name, method, params, code) => {
      const { server } = await start();
      const reply = await (await server.session()).call(method, params, 'my-id');
      expect([reply.status, reply.json?.error?.code, reply.json?.id]).toEqual([200, code, 'my-id']);
    },
  );

  it('keeps its cause inside for what is no typed failure', async () => {
    const { server } = await start();
    const reply = await (await server.session()).call('tools/call', { name: 'wire__fail' });
    expect(reply.text).not.toContain('planted-internal-detail');
    expect(server.logText()).toContain('planted-internal-detail');
  });
});

describe('notifications and answers of a legacy client', () => {
  it('are taken with 202 and no body', async () => {
    const { server } = await start();
    const session = await server.session();
    for (const method of [
      'notifications/initialized',
      'notifications/roots/list_changed',
      'notifications/progress',
      'notifications/cancelled',
      'no/such/thing',
    ]) {
      const reply = await session.notify(method, { requestId: 12, progressToken: 1 });
      expect([reply.status, reply.text]).toEqual([202, '']);
    }
    expect((await session.answer(999, { result: {} })).status).toBe(202);
    expect((await session.answer('never', { error: { code: 1, message: 'no' } })).status).toBe(202);
  });

  it('need a session', async () => {
    const { server } = await start();
    const send = (body: object) =>
      server.client.send({ headers: { ...jsonHeaders, authorization: `Bearer ${server.keys.owner}` }, body });
    expect((await send({ jsonrpc: '2.0', method: 'notifications/initialized' })).status).toBe(400);
    expect((await send({ jsonrpc: '2.0', id: 1, result: {} })).status).toBe(400);
  });
});

describe('batches', () => {
  const echo = (id: number) => ({
    jsonrpc: '2.0',
    id,
    method: 'tools/call',
    params: { name: 'wire__echo', arguments: { id } },
  });
  const batchOf = async (revision: string, entries: readonly object[]) => {
    const { server } = await start();
    const session = await server.session({ revision });
    return server.client.send(session.wire(entries));
  };

  it.each(['2025-11-25', '2025-06-18', '2024-11-05'])('do not exist in %s', async (revision) => {
    expect((await batchOf(revision, [echo(1)])).status).toBe(400);
  });

  it('are answered message by message in 2025-03-26, errors too', async () => {
    const reply = await batchOf('2025-03-26', [
      echo(1),
      { jsonrpc: '2.0', method: 'notifications/initialized' },
      { jsonrpc: '2.0', id: 2, method: 'no/method' },
      { jsonrpc: '2.0', id: 7, result: {} },
      { jsonrpc: '2.0', id: 3, method: 'initialize', params: initializeBody().params },
      echo(4),
    ]);
    const answers = reply.events.map(({ message }) => message).sort((a, b) => Number(a?.id) - Number(b?.id));
    expect(answers.map((answer) => [answer?.id, answer?.error?.code])).toEqual([
      [1, undefined],
      [2, -32601],
      [3, -32600],
      [4, undefined],
    ]);
  });

  it('without a request are taken with 202', async () => {
    expect((await batchOf('2025-03-26', [{ jsonrpc: '2.0', method: 'notifications/initialized' }])).status).toBe(202);
  });

  it('are bounded, and whole or not at all', async () => {
    expect(
      (
        await batchOf(
          '2025-03-26',
          Array.from({ length: 51 }, (_, i) => echo(i)),
        )
      ).status,
    ).toBe(400);
    expect((await batchOf('2025-03-26', [echo(1), { jsonrpc: '1.0' }])).status).toBe(400);
    expect((await batchOf('2025-03-26', [echo(1), [echo(2)]])).status).toBe(400);
  });

  it('hold no modern request', async () => {
    const { server } = await start();
    const session = await server.session({ revision: '2025-03-26' });
    const modern = server.modern('tools/list').body as object;
    expect((await server.client.send(session.wire([echo(1), modern]))).status).toBe(400);
  });

  it('keep a number that a double cannot hold', async () => {
    const { server } = await start();
    const session = await server.session({ revision: '2025-03-26' });
    const text = `[${JSON.stringify(echo(1))},{"jsonrpc":"2.0","id":2,"method":"ping"}]`;
    const reply = await server.client.send(session.wire(undefined, { body: text, headers: jsonHeaders }));
    expect(reply.events.filter(({ message }) => message?.result)).toHaveLength(2);
  });
});

describe('cancellation by a legacy client', () => {
  it('reaches the call, by an id of the same type in the same session only', async () => {
    const { server, wire } = await start();
    const [session, other] = [await server.session(), await server.session()];
    const call = session.call('tools/call', { name: 'wire__hold' }, 5);
    await eventually(() => wire.held.length === 1);
    await session.notify('notifications/cancelled', { requestId: '5' });
    await session.notify('notifications/cancelled', {});
    await other.notify('notifications/cancelled', { requestId: 5 });
    expect(wire.held[0]?.cancelled).toBe(false);
    await session.notify('notifications/cancelled', { requestId: 5, reason: 'enough' });
    expect(wire.held[0]?.cancelled).toBe(true);
    expect((await call).json?.error?.data?.['code']).toBe('SW_CANCELLED');
    expect(server.audit.at(-1)?.outcome).toBe('cancelled');
  });

  it('is not what a dropped connection means', async () => {
    const { server, wire } = await start({ http: { legacy: { streamAfterMs: 10, retryMs: 5 } } });
    const session = await server.session();
    const stream = await session.open('tools/call', { name: 'wire__hold' }, 5);
    const primed = await stream.until(({ id }) => id !== undefined);
    stream.drop();
    await eventually(() => server.mcp.counts().streams === 0);
    expect(wire.held[0]?.cancelled).toBe(false);
    wire.held[0]?.release('still here');
    const resumed = await session.stream(primed.id);
    expect(await resumed.message(({ id }) => id === 5)).toMatchObject({
      result: { content: [{ text: 'still here' }] },
    });
    expect(await resumed.ended()).toEqual({ complete: true });
  });

  it('comes with the end of the session', async () => {
    const { server, wire } = await start();
    const session = await server.session();
    const call = session.call('tools/call', { name: 'wire__hold' });
    await eventually(() => wire.held.length === 1);
    await session.delete();
    expect(wire.held[0]?.cancelled).toBe(true);
    await call;
  });
});

describe('what the server asks a legacy client', () => {
  const capabilities = { elicitation: {}, sampling: {}, roots: {} };
  const answers: Readonly<Record<string, object>> = {
    'elicitation/create': { action: 'accept', content: { name: 'Ada' } },
    'sampling/createMessage': { role: 'assistant', model: 'm', content: { type: 'text', text: 'hello' } },
    'roots/list': { roots: [{ uri: 'file:///a' }] },
  };

  it('comes on the stream of the call, and the answers complete it', async () => {
    const { server } = await start();
    const session = await server.session({ capabilities });
    const stream = await session.open(
      'tools/call',
      { name: 'wire__ask', arguments: { kinds: ['elicit', 'sample', 'roots'] } },
      'c',
    );
    for (const [method, result] of Object.entries(answers)) {
      const asked = await stream.message((message) => message.method === method);
      expect((await session.answer(asked.id as number, { result: result as Record<string, unknown> })).status).toBe(
        202,
      );
    }
    const done = await stream.message(({ id, method }) => id === 'c' && method === undefined);
    expect(done.result).toMatchObject({
      content: [{ text: JSON.stringify([answers['elicitation/create'], 'hello', [{ uri: 'file:///a' }]]) }],
    });
    expect(await stream.ended()).toEqual({ complete: true });
  });

  it('is not sent to one that takes JSON alone: the call fails, and nothing comes before the result', async () => {
    const { server } = await start();
    const session = await server.session({ capabilities });
    const json = (name: string, args: object) =>
      server.client.send(
        session.wire(session.request('tools/call', { name, arguments: args, _meta: { progressToken: 1 } }), {
          headers: { accept: 'application/json' },
        }),
      );
    const asked = await json('wire__ask', { kinds: ['elicit'] });
    expect(asked.headers['content-type']).toContain('application/json');
    expect(asked.json?.result).toMatchObject({ isError: true });
    expect(asked.text).toContain('SW_INPUT_UNAVAILABLE');
    const polled = await json('wire__poll', {});
    expect(polled.json?.result).toHaveProperty('content');
  });

  it('is not sent to one that did not declare it', async () => {
    const { server } = await start();
    const session = await server.session({ capabilities: { sampling: {} } });
    const result = await session.result('tools/call', { name: 'wire__ask', arguments: { kinds: ['elicit'] } });
    expect(result['isError']).toBe(true);
  });

  it('takes no answer of another session or of another id', async () => {
    const { server } = await start();
    const [session, other] = [await server.session({ capabilities }), await server.session({ capabilities })];
    const stream = await session.open('tools/call', { name: 'wire__ask', arguments: { kinds: ['elicit'] } }, 'c');
    const asked = await stream.message(({ method }) => method === 'elicitation/create');
    await other.answer(asked.id as number, { result: { action: 'accept', content: { name: 'Eve' } } });
    await session.answer(String(asked.id), { result: { action: 'accept', content: { name: 'Eve' } } });
    await session.answer(asked.id as number, { result: { action: 'accept', content: { name: 'Ada' } } });
    await session.answer(asked.id as number, { result: { action: 'accept', content: { name: 'Late' } } });
    expect(JSON.stringify(await stream.message(({ id }) => id === 'c'))).toContain('Ada');
  });

  it('ends the call with the error that the client answers, and waits for no other', async () => {
    const { server } = await start({ sessions: { idleMs: 0 } });
    const session = await server.session({ capabilities });
    const stream = await session.open(
      'tools/call',
      { name: 'wire__ask', arguments: { kinds: ['elicit', 'sample'] } },
      'c',
    );
    const asked = await stream.message(({ method }) => method === 'elicitation/create');
    await stream.message(({ method }) => method === 'sampling/createMessage');
    await session.answer(asked.id as number, { error: { code: -1, message: 'no user here' } });
    expect((await stream.message(({ id }) => id === 'c')).error).toMatchObject({ code: -1, message: 'no user here' });
    // The other question is forgotten with its call, so that an idle session can go.
    await eventually(() => server.mcp.counts().sessions === 0, 5000);
  });
});

describe('log messages to a legacy client', () => {
  const levelsOf = (reply: {
    events: readonly { message: { method?: string; params?: Record<string, unknown> } | undefined }[];
  }) =>
    reply.events.flatMap(({ message }) =>
      message?.method === 'notifications/message' ? [message.params?.['level']] : [],
    );

  it('are sent from the level on that it set', async () => {
    const { server } = await start();
    const session = await server.session();
    const chatter = () => session.call('tools/call', { name: 'wire__chatter' });
    expect(levelsOf(await chatter())).toEqual(['warning', 'critical']);
    await session.result('logging/setLevel', { level: 'debug' });
    expect(levelsOf(await chatter())).toEqual(['debug', 'warning', 'critical']);
    await session.result('logging/setLevel', { level: 'emergency' });
    expect(levelsOf(await chatter())).toEqual([]);
  });
});

describe('the stream of a session', () => {
  const changed = ({ method }: { method?: string }) => method === 'notifications/tools/list_changed';
  const updated = ({ method }: { method?: string }) => method === 'notifications/resources/updated';

  it('begins with an id to resume from, in the revision that knows it', async () => {
    const { server } = await start();
    const first = await (await (await server.session()).stream()).until(() => true);
    expect(first).toMatchObject({ retry: '20', data: '' });
    expect(first.id).toMatch(/^\d+_0$/);
    const older = await (await server.session({ revision: '2025-06-18' })).stream();
    expect(older.events).toEqual([]);
  });

  it('carries list changes and the updates of watched resources', async () => {
    const { server, wire } = await start();
    const session = await server.session();
    const stream = await session.stream();
    await session.result('resources/subscribe', { uri: 'wire://one' });
    wire.change();
    await stream.message(changed);
    wire.update('wire://two');
    wire.update('wire://one');
    expect((await stream.message(updated)).params).toEqual({ uri: 'wire://one' });
    await session.result('resources/unsubscribe', { uri: 'wire://one' });
    wire.update('wire://one');
    wire.change();
    await eventually(() => stream.events.filter(({ message }) => message && changed(message)).length >= 2);
    expect(stream.events.filter(({ message }) => message && updated(message))).toHaveLength(1);
  });

  it('replays exactly what was missed, once', async () => {
    const { server, wire } = await start();
    const session = await server.session();
    const first = await session.stream();
    wire.change();
    await first.message(changed);
    const seen = first.events.findLast(({ id }) => id !== undefined);
    first.drop();
    await eventually(() => server.mcp.counts().streams === 0);
    await session.result('resources/subscribe', { uri: 'wire://one' });
    for (let i = 0; i < 3; i++) wire.update('wire://one');
    await session.result('ping');
    const second = await session.stream(seen?.id);
    await eventually(() => second.events.length >= 3);
    expect(second.events.map(({ message }) => message?.method)).toEqual(
      Array(3).fill('notifications/resources/updated'),
    );
    const sequence = (id: string | undefined) => Number(id?.split('_')[1]);
    expect(second.events.map(({ id }) => sequence(id) - sequence(seen?.id))).toEqual([1, 2, 3]);
    const half = second.events[1]?.id;
    second.drop();
    const third = await session.stream(half);
    await eventually(() => third.events.length >= 1);
    expect(third.events.map(({ id }) => id)).toEqual([second.events[2]?.id]);
  });

  it('keeps a bounded number of events for a client that is away', async () => {
    const { server, wire } = await start();
    const session = await server.session();
    const first = await session.stream();
    const primed = await first.until(() => true);
    await session.result('resources/subscribe', { uri: 'wire://one' });
    first.drop();
    await eventually(() => server.mcp.counts().streams === 0);
    for (let i = 0; i < 50; i++) wire.update('wire://one');
    const second = await session.stream(primed.id);
    await eventually(() => second.events.length >= 16);
    expect(second.events).toHaveLength(16);
  });

  it('takes an id that is none of its own as none', async () => {
    const { server, wire } = await start();
    const session = await server.session();
    for (const id of ['x', '999_1', '0_0', '1_1', '-1_0', '1e3_0', '99999999999_1']) {
      const stream = await session.stream(id);
      expect(stream.status).toBe(200);
      stream.drop();
    }
    await eventually(() => server.mcp.counts().streams === 0);
    expect(wire.ran).toEqual([]);
  });

  it('does not take an id of an earlier process for one of its own', async () => {
    const keyRing = memoryKeyRing();
    const one = { id: 'owner', kind: 'key', name: 'owner', roles: ['owner'] } as const;
    const options = {
      keyRing,
      authenticator: { authenticate: () => one },
      http: { legacy: { streamAfterMs: 5, retryMs: 5 } },
    };
    const { server: before, wire: wireBefore } = await start(options);
    const session = await before.session();
    const lost = await session.open('tools/call', { name: 'wire__hold' }, 'old');
    const { id: oldId } = await lost.until(({ id }) => id !== undefined);
    expect(wireBefore.held).toHaveLength(1);
    const { server: after, wire } = await start(options);
    const fresh = after.client.open(session.wire(session.request('tools/call', { name: 'wire__hold' }, 'new')));
    const stream = await fresh;
    await stream.until(({ id }) => id !== undefined);
    const resumed = await after.client.open(
      session.wire(undefined, { method: 'GET', headers: { 'last-event-id': oldId } }),
    );
    wire.held[0]?.release('mine');
    await stream.message(({ id }) => id === 'new');
    expect(resumed.events.filter(({ message }) => message?.id === 'new')).toEqual([]);
  });

  it('ends when a newer one takes its place', async () => {
    const { server, wire } = await start();
    const session = await server.session();
    const first = await session.stream();
    const second = await session.stream();
    expect(await first.ended()).toEqual({ complete: true });
    wire.change();
    await second.message(changed);
  });

  it('ends with the session', async () => {
    const { server } = await start();
    const session = await server.session();
    const stream = await session.stream();
    await session.delete();
    expect(await stream.ended()).toEqual({ complete: true });
  });

  it('is counted while it is open and no longer', async () => {
    const { server } = await start({
      http: {
        streams: { maxStreams: 10, maxStreamsPerPrincipal: 2, keepAliveMs: 60_000 },
        legacy: { streamAfterMs: 5, retryMs: 5 },
      },
    });
    const session = await server.session();
    // Taken over, resumed to the end, deleted: no way of ending may keep its place.
    for (let i = 0; i < 5; i++) expect((await session.stream()).status).toBe(200);
    for (let i = 0; i < 5; i++) {
      const poll = await session.open('tools/call', { name: 'wire__poll', _meta: { progressToken: 1 } }, i);
      const { id } = await poll.until((event) => event.id !== undefined);
      const resumed = await session.stream(id);
      expect(resumed.status).toBe(200);
      await resumed.ended();
    }
    await session.delete();
    const sessions = [await server.session(), await server.session(), await server.session()];
    expect((await sessions[0]?.stream())?.status).toBe(200);
    expect((await sessions[1]?.stream())?.status).toBe(200);
    const third = await server.client.send(sessions[2]?.wire(undefined, { method: 'GET' }) ?? {});
    expect([third.status, third.json?.error?.data?.['code']]).toEqual([429, 'SW_CONCURRENCY_LIMITED']);
    expect(third.headers['retry-after']).toMatch(/^[1-9]/);
  });

  it('shows life while nothing happens', async () => {
    const { server } = await start({
      http: { streams: { maxStreams: 10, maxStreamsPerPrincipal: 2, keepAliveMs: 10 } },
    });
    const stream = await (await server.session()).stream();
    await eventually(() => stream.comments.length > 0);
    expect(stream.comments[0]).toBe(': keep-alive');
  });

  it('ends politely at drain with a time to come back, and takes no new request', async () => {
    const { server } = await start();
    const session = await server.session();
    const stream = await session.stream();
    server.mcp.drain();
    expect(await stream.ended()).toEqual({ complete: true });
    expect(stream.events.at(-1)?.retry).toBe('20');
    expect((await session.call('ping')).status).toBe(503);
  });
});

describe('a call whose stream ends before its answer', () => {
  it('is polled: the rest waits under the id of the first event', async () => {
    const { server } = await start();
    const session = await server.session();
    const stream = await session.open('tools/call', { name: 'wire__poll', _meta: { progressToken: 'p' } }, 'c');
    await stream.ended();
    expect(stream.events[0]?.data).toBe('');
    expect(stream.events.at(-1)?.retry).toBe('10');
    const resumed = await session.stream(stream.events[0]?.id);
    await resumed.ended();
    expect(resumed.events.map(({ message }) => message?.method ?? message?.id)).toEqual([
      'notifications/progress',
      'c',
    ]);
  });

  it('is not for revisions that do not know it', async () => {
    const { server } = await start();
    const session = await server.session({ revision: '2025-06-18' });
    const reply = await session.call('tools/call', { name: 'wire__poll', _meta: { progressToken: 'p' } }, 'c');
    expect(reply.events.map(({ message }) => message?.method ?? message?.id)).toEqual(['notifications/progress', 'c']);
  });
});

describe('live parts of sessions', () => {
  it('are bounded: the idle one unused for longest goes, its session stays', async () => {
    const { server } = await start({ sessions: { maxLive: 2 } });
    const sessions = await Promise.all([server.session(), server.session(), server.session()]);
    for (const session of sessions) await session.result('logging/setLevel', { level: 'error' });
    expect(server.mcp.counts().sessions).toBe(2);
    for (const session of sessions) expect(await session.result('ping')).toEqual({});
  });

  it('are forgotten when idle, but not while a stream is open', async () => {
    const { server } = await start({ sessions: { idleMs: 0 } });
    const [idle, streaming] = [await server.session(), await server.session()];
    await idle.result('logging/setLevel', { level: 'error' });
    const stream = await streaming.stream();
    expect(server.mcp.counts().sessions).toBe(2);
    await eventually(() => server.mcp.counts().sessions === 1, 5000);
    expect(stream.events.length).toBeGreaterThan(0);
  });
});
