import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Provider } from '#gateway/catalog/index.js';
import { cacheableMethods, interactiveMethods, latestModern, meta, type JsonObject } from '#protocol/model/index.js';
import { mcpStdio } from '#protocol/server/index.js';
import { eventually } from '../../../test/support/eventually.js';
import { wireModule } from '../../../test/fixtures/wire-module.js';
import { initializeBody, startMcpHttp, type McpTestServer } from '../../../test/support/mcp-http.js';
import type { Message } from '../../../test/support/mcp-wire.js';

/** What a principal without any right gets. */
type Verdict =
  | { readonly answer: (result: JsonObject) => boolean }
  /** Refused with one of these codes of ours. */
  | { readonly refused: readonly string[] };

interface Row {
  readonly params: JsonObject;
  /** Undefined where the family has not got the method. */
  readonly legacy: Verdict | undefined;
  readonly modern: Verdict | undefined;
}

const emptyList = (name: string) => ({ answer: (result: JsonObject) => JSON.stringify(result[name]) === '[]' });
const denied = { refused: ['SW_ACCESS_DENIED'] };
const nothing = { answer: (result: JsonObject) => Object.keys(result).every((name) => name === '_meta') };
const nobodyHere = { refused: ['SW_RESOURCE_UNKNOWN', 'SW_ACCESS_DENIED'] };
const list = (name: string): Row => ({ params: {}, legacy: emptyList(name), modern: emptyList(name) });

/** Every method that either family has. A method of the model without a row fails the first test. */
const rows: Readonly<Record<string, Row>> = {
  ping: { params: {}, legacy: nothing, modern: undefined },
  initialize: { params: initializeBody().params, legacy: { refused: ['SW_REQUEST_INVALID'] }, modern: undefined },
  'server/discover': {
    params: {},
    legacy: undefined,
    modern: {
      answer: ({ capabilities, instructions }) => JSON.stringify(capabilities) === '{}' && instructions === undefined,
    },
  },
  'tools/list': list('tools'),
  'prompts/list': list('prompts'),
  'resources/list': list('resources'),
  'resources/templates/list': list('resourceTemplates'),
  'tools/call': { params: { name: 'NAME:echo', arguments: {} }, legacy: denied, modern: denied },
  'prompts/get': { params: { name: 'NAME:hello', arguments: { who: 'x' } }, legacy: denied, modern: denied },
  'resources/read': { params: { uri: 'wire://one' }, legacy: nobodyHere, modern: nobodyHere },
  'completion/complete': {
    params: { ref: { type: 'ref/prompt', name: 'NAME:hello' }, argument: { name: 'who', value: 'w' } },
    legacy: denied,
    modern: denied,
  },
  'logging/setLevel': { params: { level: 'debug' }, legacy: nothing, modern: undefined },
  'resources/subscribe': { params: { uri: 'wire://one' }, legacy: nobodyHere, modern: undefined },
  'resources/unsubscribe': { params: { uri: 'wire://one' }, legacy: nothing, modern: undefined },
  'subscriptions/listen': {
    params: { notifications: { resourceSubscriptions: ['wire://one'] } },
    legacy: undefined,
    modern: { answer: ({ notifications }) => JSON.stringify(notifications) === '{"resourceSubscriptions":[]}' },
  },
};

/** Methods that reach a provider, and what they name; together with the rows of the model this must be complete. */
const namesOfModel = new Set([...cacheableMethods, ...interactiveMethods]);

describe('every method of the model', () => {
  it('has a row here', () => {
    expect([...namesOfModel].filter((method) => !(method in rows))).toEqual([]);
  });

  it('that a provider would answer is known to this table', async () => {
    // The provider answers anything, so that a method that the pipeline lets through without a row shows itself.
    const asked = new Set<string>();
    const server = await startMcpHttp({ providers: [spyProvider(asked)] });
    const candidates = [...Object.keys(rows), ...unknownMethods];
    for (const method of candidates.filter((name) => name !== 'subscriptions/listen'))
      await server
        .call(method, {
          name: 'spy__x',
          uri: 'spy://x',
          ref: { type: 'ref/prompt', name: 'spy__x' },
          notifications: {},
        })
        .catch(() => {});
    expect([...asked].sort()).toEqual(['completion/complete', 'prompts/get', 'resources/read', 'tools/call']);
    await server.close();
  });
});

const unknownMethods = [
  'tasks/get',
  'tasks/list',
  'tasks/result',
  'tasks/cancel',
  'tasks/update',
  'skills/list',
  'skills/get',
  'resources/directory/read',
  'sampling/createMessage',
  'elicitation/create',
  'roots/list',
  'notifications/initialized',

  'Tools/Call',
  'tools//call',
  '',
  '__proto__',
  'toString',
];

describe('a principal without rights', () => {
  const wire = wireModule();
  let server: McpTestServer;
  beforeAll(async () => {
    server = await startMcpHttp({ modules: [wire.module], access: [] });
  });
  afterAll(() => server.close());

  for (const route of [undefined, 'wire'] as const)
    for (const family of ['legacy', 'modern'] as const)
      for (const transport of ['http', 'stdio'] as const)
        it.each([...Object.keys(rows), ...unknownMethods])(
          `over ${transport}, ${family}, at ${route ?? 'all'}: %s reaches nothing`,
          async (method) => {
            const row = rows[method];
            const params = withNames(row?.params ?? { name: 'wire__echo', uri: 'wire://one', taskId: 'x' }, route);
            const verdict = row?.[family] ?? { refused: ['SW_METHOD_UNKNOWN'] };
            const exchange = transport === 'http' ? overHttp : overStdio;
            const answer = await exchange(server, family, route, method, params);
            if ('refused' in verdict)
              expect(verdict.refused, JSON.stringify(answer)).toContain(answer.error?.data?.['code']);
            else
              expect(verdict.answer(answer.result ?? answer.params ?? { failed: answer }), JSON.stringify(answer)).toBe(
                true,
              );
            expect(wire.ran).toEqual([]);
          },
        );

  it('is told the same of what exists and of what does not', async () => {
    const reader = await startMcpHttp({
      modules: [wireModule('wire').module, wireModule('other').module],
      access: [{ role: 'reader', allow: ['wire:tools/echo', 'wire:resources/wire://one'] }],
    });
    const ask = async (method: string, params: JsonObject) => {
      const reply = await reader.call(method, params, { role: 'reader' });
      const text = JSON.stringify([
        reply.status,
        reply.json?.error?.code,
        reply.json?.error?.message,
        reply.json?.error?.data?.['code'],
        reply.json?.error?.data?.['hint'],
      ]);
      return Object.values(params).reduce<string>(
        (shown, name) => (typeof name === 'string' ? shown.replaceAll(name, '*') : shown),
        text,
      );
    };
    const pairs: readonly (readonly [string, JsonObject, JsonObject])[] = [
      ['tools/call', { name: 'wire__hold' }, { name: 'wire__none' }],
      ['tools/call', { name: 'other__echo' }, { name: 'other__none' }],
      ['tools/call', { name: 'other__echo' }, { name: 'absent__echo' }],
      ['prompts/get', { name: 'wire__hello' }, { name: 'wire__none' }],
      ['prompts/get', { name: 'other__hello' }, { name: 'absent__hello' }],
      ['resources/read', { uri: 'wire://two' }, { uri: 'wire://none' }],
      ['resources/read', { uri: 'other://one' }, { uri: 'absent://one' }],
      ['resources/read', { uri: 'wire+wire://two' }, { uri: 'wire+wire://none' }],
      ['resources/read', { uri: 'other+other://one' }, { uri: 'absent+other://one' }],
    ];
    for (const [method, there, notThere] of pairs) expect(await ask(method, there)).toBe(await ask(method, notThere));
    await reader.close();
  });
});

/** Puts the name under which the route shows an item where the row says NAME. */
const withNames = (params: JsonObject, route: string | undefined): JsonObject =>
  JSON.parse(JSON.stringify(params).replaceAll('NAME:', route === undefined ? 'wire__' : '')) as JsonObject;

type Exchange = (
  server: McpTestServer,
  family: 'legacy' | 'modern',
  route: string | undefined,
  method: string,
  params: JsonObject,
) => Promise<Message>;

const overHttp: Exchange = async (server, family, route, method, params) => {
  const where = { role: 'owner', ...(route === undefined ? {} : { provider: route }) } as const;
  if (family === 'legacy') {
    const session = await server.session(where);
    // A second initialize opens another session: the first one is not concerned.
    if (method === 'initialize') return { error: { code: 0, message: '', data: { code: 'SW_REQUEST_INVALID' } } };
    return (await session.call(method, params)).json ?? {};
  }
  if (method !== 'subscriptions/listen') return (await server.call(method, params, where)).json ?? {};
  const stream = await server.client.open(server.modern(method, params, where));
  const { message } = await stream.until(() => true);
  stream.drop();
  return message ?? {};
};

const overStdio: Exchange = async (server, family, route, method, params) => {
  const [input, output] = [new PassThrough(), new PassThrough()];
  let written = '';
  output.on('data', (chunk: Buffer) => (written += chunk.toString('utf8')));
  const over = mcpStdio(server.context, {
    input,
    output,
    principal: { id: 'local:1', kind: 'local', name: 'me', roles: ['owner'] },
    route: { provider: route },
    maxLineBytes: 65_536,
  });
  const lines = () =>
    written
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Message);
  const say = (message: object) => input.write(`${JSON.stringify(message)}\n`);
  const envelope = { [meta.protocolVersion]: latestModern, [meta.clientCapabilities]: {} };
  if (family === 'legacy') {
    say(initializeBody());
    await eventually(() => lines().length === 1);
    say({ jsonrpc: '2.0', id: 'x', method, params });
    await eventually(() => lines().length === 2);
  } else {
    say({ jsonrpc: '2.0', id: 'x', method, params: { ...params, _meta: envelope } });
    await eventually(() => lines().length === 1);
  }
  input.end();
  await over;
  return lines().at(-1) ?? {};
};

/** A provider that lists one of each and answers every method. */
function spyProvider(asked: Set<string>): Provider {
  const snapshot = {
    provider: 'spy',
    family: 'modern',
    at: 0,
    hash: 'x',
    serverInfo: undefined,
    capabilities: {},
    instructions: undefined,
    tools: [{ name: 'x', inputSchema: { type: 'object' } }],
    prompts: [{ name: 'x' }],
    resources: [{ uri: 'spy://x', name: 'x' }],
    resourceTemplates: [],
    ttlMs: 0,
    cacheScope: 'private',
  } as const;
  return {
    id: 'spy',
    kind: 'http',
    start: async () => {},
    snapshot: () => snapshot,
    refresh: async () => snapshot,
    invoke: async ({ request }) => {
      asked.add(request.method);
      return {};
    },
    subscribe: () => ({ accepted: Promise.resolve([]), close: () => {} }),
    onEvent: () => () => {},
    health: () => ({ status: 'healthy', message: 'ok' }),
    drain: async () => {},
    stop: async () => {},
  };
}
