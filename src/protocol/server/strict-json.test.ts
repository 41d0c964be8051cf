import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { wireModule } from '../../../test/fixtures/wire-module.js';
import { initializeBody, jsonHeaders, startMcpHttp, type McpTestServer } from '../../../test/support/mcp-http.js';

const wire = wireModule();
let server: McpTestServer;
beforeAll(async () => {
  server = await startMcpHttp({ modules: [wire.module] });
});
afterAll(() => server.close());

const send = (body: string | Buffer, headers: Record<string, string> = {}) =>
  server.client.send({
    headers: { ...jsonHeaders, authorization: `Bearer ${server.keys.owner}`, ...headers },
    body,
  });

/** A modern call of `echo`, as text that a test can damage. */
const modernText = () => JSON.stringify(server.modern('tools/call', { name: 'wire__echo', arguments: { a: 1 } }).body);
const modernHeaders = {
  'mcp-protocol-version': '2026-07-28',
  'mcp-method': 'tools/call',
  'mcp-name': 'wire__echo',
};
/** The same call as a legacy client sends it: strictness comes before any session is looked at. */
const legacyText = () =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'wire__echo', arguments: { a: 1 } } });

const nested = (depth: number) => `${'{"x":'.repeat(depth)}1${'}'.repeat(depth)}`;
const withArguments = (text: string, args: string) => text.replace('{"a":1}', args);

type Damage = readonly [name: string, damage: (text: string) => string | Buffer, rpc: number, status: number];

const damages: readonly Damage[] = [
  ['nothing at all', () => '', -32700, 400],
  ['white space only', () => ' \n ', -32700, 400],
  ['cut short', (text) => text.slice(0, -1), -32700, 400],
  ['two values', (text) => text + text, -32700, 400],
  ['a trailing comma', (text) => text.replace(/}$/, ',}'), -32700, 400],
  ['a comment', (text) => `/* hi */${text}`, -32700, 400],
  ['single quotes', (text) => text.replaceAll('"', "'"), -32700, 400],
  ['NaN', (text) => withArguments(text, '{"a":NaN}'), -32700, 400],
  ['a byte order mark', (text) => `\ufeff${text}`, -32700, 400],
  [
    'invalid UTF-8',
    (text) => Buffer.concat([Buffer.from(text.slice(0, 20)), Buffer.from([0xff]), Buffer.from(text.slice(20))]),
    -32700,
    400,
  ],
  [
    'overlong UTF-8',
    (text) => Buffer.concat([Buffer.from(`${text.slice(0, -1)},"z":"`), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')]),
    -32700,
    400,
  ],
  ['UTF-16', (text) => Buffer.from(text, 'utf16le'), -32700, 400],
  ['a raw control character in a string', (text) => text.replace('"a"', '"a\u0001"'), -32700, 400],
  ['a repeated member of the message', (text) => text.replace(/}$/, ',"method":"tools/list"}'), -32600, 400],
  ['a repeated id', (text) => text.replace(/}$/, ',"id":2}'), -32600, 400],
  ['a repeated member of params', (text) => text.replace('"params":{', '"params":{"name":"wire__fail",'), -32600, 400],
  ['a repeated argument', (text) => withArguments(text, '{"a":1,"a":2}'), -32600, 400],
  ['a repeated member far below', (text) => withArguments(text, '{"a":[[{"b":{"c":1,"c":2}}]]}'), -32600, 400],
  ['a repeated member in escapes', (text) => withArguments(text, '{"a":1,"\\u0061":2}'), -32600, 400],
  ['an empty repeated member', (text) => withArguments(text, '{"":1,"":2}'), -32600, 400],
  ['another case of method', (text) => text.replace(/}$/, ',"Method":"tools/list"}'), -32600, 400],
  ['another case of params alone', (text) => text.replace('"params"', '"PARAMS"'), -32600, 400],
  ['another case of name', (text) => text.replace('"params":{', '"params":{"Name":"wire__fail",'), -32600, 400],
  ['a long s in arguments', (text) => text.replace('"params":{', '"params":{"argument\u017f":{},'), -32600, 400],
  ['two cases of one argument', (text) => withArguments(text, '{"a":1,"A":2}'), -32600, 400],
  ['too deep', (text) => withArguments(text, nested(40)), -32600, 400],
  ['too deep in arrays', (text) => withArguments(text, `{"a":${'['.repeat(100)}${']'.repeat(100)}}`), -32600, 400],
  ['a number', () => '1', -32600, 400],
  ['a string', () => '"tools/call"', -32600, 400],
  ['null', () => 'null', -32600, 400],
  ['an empty batch', () => '[]', -32600, 400],
  ['another JSON-RPC version', (text) => text.replace('"2.0"', '"1.0"'), -32600, 400],
  ['a number for a version', (text) => text.replace('"2.0"', '2.0'), -32600, 400],
  ['no version', (text) => text.replace('"jsonrpc":"2.0",', ''), -32600, 400],
  ['a null id', (text) => text.replace('"id":1', '"id":null'), -32600, 400],
  ['a fractional id', (text) => text.replace('"id":1', '"id":1.5'), -32600, 400],
  ['an id beyond a double', (text) => text.replace('"id":1', '"id":9007199254740993'), -32600, 400],
  ['a boolean id', (text) => text.replace('"id":1', '"id":true'), -32600, 400],
  ['an array for params', (text) => text.replace(/"params":.*$/, '"params":[]}'), -32600, 400],
  ['a number for a method', (text) => text.replace('"tools/call"', '7'), -32600, 400],
  ['a method and a result', (text) => text.replace(/}$/, ',"result":{}}'), -32600, 400],
  ['neither method nor result', (text) => text.replace('"method":"tools/call",', ''), -32600, 400],
];

describe('a body that is not one strict JSON-RPC message', () => {
  for (const family of ['modern', 'legacy'] as const)
    it.each(damages)(`${family}: %s`, async (_name, damage, rpc, status) => {
      const ranBefore = wire.ran.length;
      const modern = family === 'modern';
      const reply = await send(damage(modern ? modernText() : legacyText()), modern ? modernHeaders : {});
      expect([reply.status, reply.json?.error?.code]).toEqual([status, rpc]);
      expect(wire.ran).toHaveLength(ranBefore);
    });

  it('is answered under its id where that can be read, and under none where not', async () => {
    const withId = await send(legacyText().replace('"2.0"', '"1.0"').replace('"id":1', '"id":"abc"'));
    expect(withId.json?.id).toBe('abc');
    const without = await send(legacyText().slice(0, -1));
    expect(without.json).not.toHaveProperty('id');
  });
});

describe('a body that is unusual but right', () => {
  const unusual: readonly (readonly [string, (text: string) => string])[] = [
    ['white space around', (text) => ` \r\n\t${text}\n`],
    ['pretty-printed', (text) => JSON.stringify(JSON.parse(text), null, 2)],
    ['members in escapes', (text) => text.replace('"method"', '"\\u006dethod"')],
    ['a string id', (text) => text.replace('"id":1', '"id":"x"')],
    ['a negative id', (text) => text.replace('"id":1', '"id":-7')],
    ['unknown members', (text) => text.replace(/}$/, ',"vendor":{"deep":[1]}}')],
    ['a member called __proto__', (text) => withArguments(text, '{"__proto__":{"a":1}}')],
    ['different cases in data', (text) => withArguments(text, '{"x":{"a":1,"A":2}}')],
    ['depth within the limit', (text) => withArguments(text, nested(20))],
    ['escaped control characters', (text) => withArguments(text, '{"a":"\\u0000\\n"}')],
    ['a lone surrogate', (text) => withArguments(text, '{"a":"\\ud800"}')],
  ];
  it.each(unusual)('%s', async (_name, change) => {
    const reply = await send(change(modernText()), modernHeaders);
    expect(reply.status).toBe(200);
    expect(reply.json?.result).toMatchObject({ resultType: 'complete' });
  });
});

describe('the media type of a body', () => {
  const contentTypes: readonly (readonly [string, number])[] = [
    ['application/json', 200],
    ['APPLICATION/JSON', 200],
    ['application/json;charset=utf-8', 200],
    ['application/json; charset=UTF-8', 200],
    ['application/json; charset="utf-8"', 200],
    ['application/json; charset=iso-8859-1', 415],
    ['application/json; charset=utf-16', 415],
    ['application/jsonp', 415],
    ['application/json-rpc', 415],
    ['application/json, text/plain', 415],
    ['text/plain', 415],
    ['text/plain; application/json', 415],
    ['application/x-www-form-urlencoded', 415],
    ['multipart/form-data', 415],
    ['', 415],
  ];
  it.each(contentTypes)('Content-Type %j is answered %i', async (contentType, status) => {
    const reply = await send(modernText(), { ...modernHeaders, 'content-type': contentType });
    expect(reply.status).toBe(status);
  });

  it('must be given', async () => {
    const { authorization } = { authorization: `Bearer ${server.keys.owner}` };
    const reply = await server.client.send({ headers: { authorization, ...modernHeaders }, body: modernText() });
    expect(reply.status).toBe(415);
    expect(reply.json?.error?.data?.['code']).toBe('SW_MEDIA_TYPE');
  });

  it.each(['gzip', 'deflate', 'br', 'x-custom', 'identity, gzip'])(
    'with Content-Encoding %s is refused',
    async (coding) => {
      const reply = await send(gzipSync(modernText()), { ...modernHeaders, 'content-encoding': coding });
      expect(reply.status).toBe(415);
    },
  );

  it('with the identity coding is read', async () => {
    expect((await send(modernText(), { ...modernHeaders, 'content-encoding': 'identity' })).status).toBe(200);
  });

  const accepts: readonly (readonly [string, number])[] = [
    ['application/json, text/event-stream', 200],
    ['application/json', 200],
    ['text/event-stream', 200],
    ['*/*', 200],
    ['application/*', 200],
    ['text/*;q=0.5', 200],
    ['text/html', 406],
    ['image/png, text/plain', 406],
  ];
  it.each(accepts)('Accept %s is answered %i', async (accept, status) => {
    const reply = await send(modernText(), { ...modernHeaders, accept });
    expect(reply.status).toBe(status);
  });
});

describe('the size of a body', () => {
  const limit = 256 * 1024;
  const sized = (bytes: number) => {
    const text = JSON.stringify(initializeBody());
    return text + ' '.repeat(bytes - text.length);
  };

  it('may reach the limit', async () => {
    expect((await send(sized(limit))).status).toBe(200);
  });

  it('may not pass it, declared or not', async () => {
    const declared = await send(sized(limit + 1));
    expect([declared.status, declared.json?.error?.data?.['code']]).toEqual([413, 'SW_BODY_TOO_LARGE']);
    const chunked = await send(sized(limit + 1), { 'transfer-encoding': 'chunked' });
    expect([chunked.status, chunked.headers.connection]).toEqual([413, 'close']);
  });
});
