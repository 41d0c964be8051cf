import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { latestModern, meta } from '../model/index.js';
import { mcpStdio } from './index.js';
import { eventually } from '../../../test/support/eventually.js';
import { wireModule } from '../../../test/fixtures/wire-module.js';
import {
  initializeBody,
  startMcpHttp,
  type McpTestOptions,
  type McpTestServer,
} from '../../../test/support/mcp-http.js';
import type { Message } from '../../../test/support/mcp-wire.js';

const servers: McpTestServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** One client on a pair of pipes. */
async function start(options: McpTestOptions & { provider?: string; maxLineBytes?: number } = {}) {
  const wire = wireModule();
  const server = await startMcpHttp({ modules: [wire.module], ...options });
  servers.push(server);
  const [input, output] = [new PassThrough(), new PassThrough()];
  let written = '';
  output.on('data', (chunk: Buffer) => (written += chunk.toString('utf8')));
  const over = mcpStdio(server.context, {
    input,
    output,
    principal: { id: 'local:1', kind: 'local', name: 'me', roles: ['owner'] },
    route: { provider: options.provider },
    maxLineBytes: options.maxLineBytes ?? 65_536,
  });
  const messages = (): Message[] =>
    written
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Message);
  const find = async (match: (message: Message) => boolean): Promise<Message> => {
    await eventually(() => messages().some(match));
    return messages().find(match) as Message;
  };
  const raw = (text: string | Buffer) => void input.write(text);
  const say = (message: object) => raw(`${JSON.stringify(message)}\n`);
  const envelope = { [meta.protocolVersion]: latestModern, [meta.clientCapabilities]: {} };
  return {
    server,
    wire,
    raw,
    say,
    messages,
    find,
    answer: (id: string | number | null | undefined) =>
      find((message) => message.id === id && message.method === undefined),
    legacy: (id: string | number, method: string, params: object = {}) => say({ jsonrpc: '2.0', id, method, params }),
    modern: (id: string | number, method: string, params: object = {}, given: object = {}) =>
      say({ jsonrpc: '2.0', id, method, params: { ...params, _meta: { ...envelope, ...given } } }),
    notify: (method: string, params: object = {}) => say({ jsonrpc: '2.0', method, params }),
    text: () => written,
    over,
    /** As when the reader of a pipe has gone. */
    breakOutput: () => void output.destroy(new RangeError('EPIPE')),
    end: () => {
      input.end();
      return over;
    },
  };
}

describe('a modern client on stdio', () => {
  it('calls without a handshake, and gets its notifications first', async () => {
    const client = await start();
    client.modern(1, 'tools/call', { name: 'wire__progress' }, { progressToken: 'p' });
    await client.answer(1);
    expect(client.messages().map(({ params, id }) => params?.['progress'] ?? id)).toEqual([1, 2, 3, 1]);
    await client.end();
  });

  it('is told what is wrong with its envelope, its revision, its method', async () => {
    const client = await start();
    client.say({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/list',
      params: { _meta: { [meta.protocolVersion]: latestModern } },
    });
    client.say({
      jsonrpc: '2.0',
      id: 2,
      method: 'tools/list',
      params: { _meta: { [meta.protocolVersion]: '2099-01-01', [meta.clientCapabilities]: {} } },
    });
    client.modern(3, 'no/method');
    expect((await client.answer(1)).error?.code).toBe(-32602);
    expect((await client.answer(2)).error?.code).toBe(-32022);
    expect((await client.answer(3)).error?.code).toBe(-32601);
    await client.end();
  });

  it('cancels by a notification, and hears no more of that call', async () => {
    const client = await start();
    client.modern('c', 'tools/call', { name: 'wire__hold' });
    await eventually(() => client.wire.held.length === 1);
    client.notify('notifications/cancelled', { requestId: 'c' });
    await eventually(() => client.wire.held[0]?.cancelled === true);
    client.modern(2, 'tools/list');
    await client.answer(2);
    await client.end();
    expect(client.messages().map(({ id }) => id)).toEqual([2]);
  });

  it('listens, and ends it by a notification', async () => {
    const client = await start();
    client.modern('L', 'subscriptions/listen', { notifications: { toolsListChanged: true } });
    const tag = { _meta: { [meta.subscriptionId]: 'L' } };
    expect((await client.find(({ method }) => method === 'notifications/subscriptions/acknowledged')).params).toEqual({
      notifications: { toolsListChanged: true },
      ...tag,
    });
    client.wire.change();
    expect((await client.find(({ method }) => method === 'notifications/tools/list_changed')).params).toEqual(tag);
    client.notify('notifications/cancelled', { requestId: 'L' });
    client.modern(2, 'server/discover');
    await client.answer(2);
    const before = client.messages().length;
    client.wire.change();
    client.modern(3, 'server/discover');
    await client.answer(3);
    expect(
      client
        .messages()
        .slice(before)
        .map(({ id }) => id),
    ).toEqual([3]);
    for (let id = 100; id < 200; id++) client.modern(id, 'subscriptions/listen', { notifications: {} });
    client.modern(150, 'subscriptions/listen', { notifications: {} });
    expect((await client.answer(150)).error?.code).toBe(-32600);
    client.modern(200, 'subscriptions/listen', { notifications: {} });
    expect((await client.answer(200)).error?.data?.['code']).toBe('SW_OVERLOADED');
    client.notify('notifications/cancelled', { requestId: 100 });
    client.modern(4, 'subscriptions/listen', { notifications: 7 });
    expect((await client.answer(4)).error?.code).toBe(-32602);
    await client.end();
  });
});

describe('a legacy client on stdio', () => {
  const open = async (options: Parameters<typeof start>[0] = {}, capabilities: object = {}) => {
    const client = await start(options);
    client.say(initializeBody({ capabilities }));
    await client.answer(0);
    return client;
  };

  it('initializes first; ping may come before', async () => {
    const client = await start();
    client.legacy('p', 'ping');
    client.legacy('t', 'tools/list');
    expect((await client.answer('p')).result).toEqual({});
    expect((await client.answer('t')).error?.data?.['code']).toBe('SW_SESSION_MISSING');
    client.say(initializeBody());
    expect((await client.answer(0)).result).toMatchObject({ protocolVersion: '2025-11-25' });
    client.legacy('again', 'initialize', initializeBody().params);
    expect((await client.answer('again')).error?.code).toBe(-32600);
    await client.end();
  });

  it('is served one provider under its own names', async () => {
    const client = await open({ provider: 'wire' });
    client.legacy(1, 'tools/call', { name: 'echo', arguments: { a: 1 } });
    expect((await client.answer(1)).result).toHaveProperty('content');
    await client.end();
  });

  it('is asked, and its answer completes the call', async () => {
    const client = await open({}, { roots: {} });
    client.legacy('c', 'tools/call', { name: 'wire__ask', arguments: { kinds: ['roots'] } });
    const asked = await client.find(({ method }) => method === 'roots/list');
    client.say({ jsonrpc: '2.0', id: asked.id, result: { roots: [] } });
    expect((await client.answer('c')).result).toMatchObject({ content: [{ text: '[[]]' }] });
    await client.end();
  });

  it('watches, sets its level, and hears of changes', async () => {
    const client = await open();
    client.legacy(1, 'resources/subscribe', { uri: 'wire://one' });
    await client.answer(1);
    client.legacy(2, 'logging/setLevel', { level: 'critical' });
    await client.answer(2);
    client.wire.update('wire://one');
    client.wire.change();
    await client.find(({ method }) => method === 'notifications/resources/updated');
    await client.find(({ method }) => method === 'notifications/tools/list_changed');
    client.legacy(3, 'tools/call', { name: 'wire__chatter' });
    await client.answer(3);
    expect(client.messages().flatMap(({ params }) => params?.['level'] ?? [])).toEqual(['critical']);
    await client.end();
  });

  it('cancels by a notification, and hears no more of that call', async () => {
    const client = await open();
    client.legacy(5, 'tools/call', { name: 'wire__hold' });
    await eventually(() => client.wire.held.length === 1);
    client.notify('notifications/cancelled', { requestId: 5 });
    await client.end();
    expect(client.wire.held[0]?.cancelled).toBe(true);
    expect(client.messages().map(({ id }) => id)).toEqual([0]);
  });
});

describe('lines', () => {
  it('that are no message are answered, and the next one is read', async () => {
    const client = await start({ maxLineBytes: 300 });
    client.raw('{"jsonrpc":\n');
    client.raw('{"jsonrpc":"1.0","id":"bad","method":"x"}\n');
    client.raw('[{"jsonrpc":"2.0","id":1,"method":"ping"}]\n');
    client.raw(Buffer.from([0x22, 0xff, 0x22, 0x0a]));
    client.raw(`"${'x'.repeat(1000)}"\n`);
    client.raw('{"jsonrpc":"2.0","id":2,"method":"ping","id":3}\n');
    client.legacy('last', 'ping');
    await client.answer('last');
    // Sorted: a line that is too long is known as soon as it is, before those that came with it are read.
    const answers = client.messages().map(({ id, error }) => `${id} ${error?.code}`);
    expect(answers.sort()).toEqual([
      'bad -32600',
      'last undefined',
      ...Array<string>(3).fill('undefined -32600'),
      ...Array<string>(2).fill('undefined -32700'),
    ]);
    await client.end();
  });

  it('may come in any pieces, several at once, with either ending', async () => {
    const client = await start();
    const line = (id: number) => JSON.stringify({ jsonrpc: '2.0', id, method: 'ping' });
    client.raw(line(1).slice(0, 10));
    client.raw(`${line(1).slice(10)}\r\n${line(2)}\n\n${line(3)}\n`);
    await client.answer(3);
    expect(client.messages().map(({ id }) => id)).toEqual([1, 2, 3]);
    await client.end();
  });

  it('hold one message each, whatever is in it', async () => {
    const client = await start();
    client.modern(1, 'tools/call', { name: 'wire__echo', arguments: { a: 'line\nbreak\r\u2028' } });
    await client.answer(1);
    expect(client.text().split('\n')).toHaveLength(2);
    await client.end();
  });

  it('that were asked before the end of the input are answered before it is over', async () => {
    const client = await start();
    client.modern(1, 'tools/call', { name: 'wire__hold' });
    await eventually(() => client.wire.held.length === 1);
    const over = client.end();
    client.wire.held[0]?.release('at last');
    await over;
    expect((await client.answer(1)).result).toMatchObject({ content: [{ text: 'at last' }] });
  });
});

describe('a batch on stdio', () => {
  const echo = (id: number) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'wire__echo' } });
  const opened = async (revision: string) => {
    const client = await start();
    client.say(initializeBody({ revision }));
    await client.answer(0);
    return client;
  };
  const lines = (client: { text(): string }) =>
    client
      .text()
      .split('\n')
      .slice(1, -1)
      .map((line) => JSON.parse(line) as Message | Message[]);

  it('is answered in one line in 2025-03-26, errors too', async () => {
    const client = await opened('2025-03-26');
    client.say([
      echo(1),
      { jsonrpc: '2.0', method: 'notifications/initialized' },
      { jsonrpc: '2.0', id: 2, method: 'no/method' },
    ]);
    await eventually(() => lines(client).length === 1);
    const answers = lines(client)[0] as Message[];
    expect(answers.map(({ id, error }) => [id, error?.code]).sort()).toEqual([
      [1, undefined],
      [2, -32601],
    ]);
    client.say([{ jsonrpc: '2.0', method: 'notifications/initialized' }]);
    await client.end();
    expect(lines(client)).toHaveLength(1);
  });

  it.each(['2025-11-25', '2025-06-18', '2024-11-05'])('does not exist in %s', async (revision) => {
    const client = await opened(revision);
    client.say([echo(1)]);
    await eventually(() => lines(client).length === 1);
    expect(lines(client)[0]).toMatchObject({ error: { data: { code: 'SW_BATCH_UNSUPPORTED' } } });
    await client.end();
  });
});

describe('a client on stdio that reads no more', () => {
  it('has its calls cancelled, and the end comes', async () => {
    const client = await start();
    client.modern(1, 'tools/call', { name: 'wire__hold' });
    await eventually(() => client.wire.held.length === 1);
    client.breakOutput();
    await client.over;
    expect(client.server.context.calls.size).toBe(0);
  });
});
