import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { wireModule } from '../../../test/fixtures/wire-module.js';
import { startMcpHttp, type McpTestServer } from '../../../test/support/mcp-http.js';
import { decodeMirrored } from './headers.js';

const wire = wireModule();
let server: McpTestServer;
beforeAll(async () => {
  server = await startMcpHttp({ modules: [wire.module] });
});
afterAll(() => server.close());

const base64 = (text: string) => `=?base64?${Buffer.from(text).toString('base64')}?=`;
const mismatch = [400, -32020];

describe('the standard headers of a modern request', () => {
  type Case = readonly [name: string, headers: Record<string, string | undefined>, expected: readonly unknown[]];
  const cases: readonly Case[] = [
    ['all agree', {}, [200, undefined]],
    ['no version', { 'mcp-protocol-version': undefined }, mismatch],
    ['no method', { 'mcp-method': undefined }, mismatch],
    ['no name', { 'mcp-name': undefined }, mismatch],
    ['an empty version', { 'mcp-protocol-version': '' }, mismatch],
    ['an older version', { 'mcp-protocol-version': '2025-11-25' }, mismatch],
    ['an unknown version', { 'mcp-protocol-version': '2099-01-01' }, mismatch],
    ['the version twice', { 'mcp-protocol-version': '2026-07-28, 2026-07-28' }, mismatch],
    ['space around the version', { 'mcp-protocol-version': ' 2026-07-28\t' }, [200, undefined]],
    ['another method', { 'mcp-method': 'tools/list' }, mismatch],
    ['another case of the method', { 'mcp-method': 'Tools/Call' }, mismatch],
    ['the method in base64', { 'mcp-method': base64('tools/call') }, mismatch],
    ['space around the method', { 'mcp-method': '  tools/call ' }, [200, undefined]],
    ['another name', { 'mcp-name': 'wire__fail' }, mismatch],
    ['another case of the name', { 'mcp-name': 'WIRE__echo' }, mismatch],
    ['the name twice', { 'mcp-name': 'wire__echo, wire__echo' }, mismatch],
    ['an empty name', { 'mcp-name': '' }, mismatch],
    ['space around the name', { 'mcp-name': ' wire__echo ' }, [200, undefined]],
    ['the name in base64', { 'mcp-name': base64('wire__echo') }, [200, undefined]],
    ['another name in base64', { 'mcp-name': base64('wire__fail') }, mismatch],
    [
      'base64 without padding',
      { 'mcp-name': base64('wire__echo').replace('=?=', '?=').replace('=?=', '?=') },
      mismatch,
    ],
    ['base64 with line noise', { 'mcp-name': base64('wire__echo').replace('?base64?', '?base64?*') }, mismatch],
    ['base64url', { 'mcp-name': '=?base64?d2lyZV9fZWNo_w==?=' }, mismatch],
    ['an upper-case marker', { 'mcp-name': base64('wire__echo').replace('base64', 'BASE64') }, mismatch],
    ['a session id, which is ignored', { 'mcp-session-id': 'anything' }, [200, undefined]],
    ['an event id, which is ignored', { 'last-event-id': '1_1' }, [200, undefined]],
    ['a mirrored argument that nobody declared', { 'mcp-param-other': 'x' }, [200, undefined]],
  ];
  it.each(cases)('%s', async (_name, headers, expected) => {
    const before = wire.ran.length;
    const reply = await server.call('tools/call', { name: 'wire__echo', arguments: {} }, { headers });
    expect([reply.status, reply.json?.error?.code]).toEqual(expected);
    expect(wire.ran.length - before).toBe(expected[0] === 200 ? 1 : 0);
    expect(reply.headers).not.toHaveProperty('mcp-session-id');
  });

  it.each([
    ['prompts/get', { name: 'wire__hello', arguments: { who: 'x' } }],
    ['resources/read', { uri: 'wire://one' }],
  ])('%s is named too', async (method, params) => {
    expect((await server.call(method, params)).status).toBe(200);
    expect((await server.call(method, params, { headers: { 'mcp-name': 'other' } })).json?.error?.code).toBe(-32020);
    expect((await server.call(method, params, { headers: { 'mcp-name': undefined } })).json?.error?.code).toBe(-32020);
  });

  it('carry any name in base64, and a name that looks like the marker only there', async () => {
    for (const name of ['wire__größe', 'wire__日本', '=?base64?d2lyZV9fZWNobw==?=', ' padded ']) {
      const reply = await server.call('tools/call', { name }, { headers: { 'mcp-name': base64(name) } });
      // The headers agree; such a tool just does not exist.
      expect([reply.status, reply.json?.error?.code]).toEqual([200, -32602]);
    }
    const lookalike = '=?base64?d2lyZV9fZWNobw==?=';
    const plain = await server.call('tools/call', { name: lookalike }, { headers: { 'mcp-name': lookalike } });
    expect(plain.json?.error?.code).toBe(-32020);
  });

  it('decode to what was encoded, and never throw', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(decodeMirrored(base64(text))).toBe(text);
      }),
    );
    fc.assert(
      fc.property(fc.string(), (text) => {
        decodeMirrored(text);
        decodeMirrored(`=?base64?${text}?=`);
      }),
    );
  });
});

describe('mirrored arguments', () => {
  type Case = readonly [name: string, args: object, headers: Record<string, string>, ok: boolean];
  const region = { region: 'eu' };
  const cases: readonly Case[] = [
    ['none given, none mirrored', {}, {}, true],
    ['a string', region, { 'mcp-param-region': 'eu' }, true],
    ['a string in base64', { region: 'Zürich' }, { 'mcp-param-region': base64('Zürich') }, true],
    ['a missing header', region, {}, false],
    ['another value', region, { 'mcp-param-region': 'us' }, false],
    ['another case of the value', region, { 'mcp-param-region': 'EU' }, false],
    ['damaged base64', region, { 'mcp-param-region': '=?base64?ZX?=' }, false],
    ['an integer', { count: 42 }, { 'mcp-param-count': '42' }, true],
    ['an integer with leading zeros', { count: 42 }, { 'mcp-param-count': '042' }, true],
    ['a negative integer', { count: -1 }, { 'mcp-param-count': '-1' }, true],
    ['another integer', { count: 42 }, { 'mcp-param-count': '43' }, false],
    ['a hexadecimal integer', { count: 16 }, { 'mcp-param-count': '0x10' }, false],
    ['an empty integer', { count: 0 }, { 'mcp-param-count': '' }, false],
    ['a boolean below', { deep: { flag: true } }, { 'mcp-param-flag': 'true' }, true],
    ['another boolean', { deep: { flag: true } }, { 'mcp-param-flag': 'false' }, false],
    ['a boolean in another case', { deep: { flag: true } }, { 'mcp-param-flag': 'True' }, false],
    ['null, which is not mirrored', { region: null }, {}, true],
    [
      'all three',
      { region: 'eu', count: 1, deep: { flag: false } },
      { 'mcp-param-region': 'eu', 'mcp-param-count': '1', 'mcp-param-flag': 'false' },
      true,
    ],
  ];
  it.each(cases)('%s', async (_name, args, headers, ok) => {
    const reply = await server.call('tools/call', { name: 'wire__mirrored', arguments: args }, { headers });
    const mismatched = reply.json?.error?.code === -32020 && reply.status === 400;
    expect(mismatched, reply.text).toBe(!ok);
  });

  it('are not asked of a legacy client', async () => {
    const session = await server.session();
    expect(await session.result('tools/call', { name: 'wire__mirrored', arguments: region })).toHaveProperty('content');
  });
});

describe('the order of checks: each request has this fault and all that follow', () => {
  const envelope = (version: unknown) => ({
    'io.modelcontextprotocol/protocolVersion': version,
    'io.modelcontextprotocol/clientCapabilities': {},
  });
  const body = (meta: object | undefined, method = 'no/method') => ({
    jsonrpc: '2.0',
    id: 1,
    method,
    params: { ...(meta ? { _meta: meta } : {}) },
  });
  const wrongHeaders = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'other/method' };
  const rightHeaders = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'no/method' };
  type Step = readonly [
    name: string,
    wire: { headers: Record<string, string>; body: object | string },
    status: number,
    rpc: number,
  ];
  const json = { 'content-type': 'application/json', accept: 'application/json' };
  const steps: readonly Step[] = [
    ['media type', { headers: { ...wrongHeaders, 'content-type': 'text/plain' }, body: '{' }, 415, -32600],
    ['JSON', { headers: { ...json, ...wrongHeaders }, body: '{' }, 400, -32700],
    ['shape', { headers: { ...json, ...wrongHeaders }, body: { ...body(undefined), jsonrpc: '1.0' } }, 400, -32600],
    ['envelope, absent', { headers: { ...json, ...wrongHeaders }, body: body(undefined) }, 400, -32602],
    [
      'envelope, no capabilities',
      {
        headers: { ...json, ...wrongHeaders },
        body: body({ 'io.modelcontextprotocol/protocolVersion': '2099-01-01' }),
      },
      400,
      -32602,
    ],
    [
      'envelope, a version that is no string',
      { headers: { ...json, ...wrongHeaders }, body: body(envelope(7)) },
      400,
      -32602,
    ],
    [
      'version of header and body',
      { headers: { ...json, ...wrongHeaders }, body: body(envelope('2099-01-01')) },
      400,
      -32020,
    ],
    [
      'method of header and body',
      {
        headers: { ...json, ...wrongHeaders, 'mcp-protocol-version': '2099-01-01' },
        body: body(envelope('2099-01-01')),
      },
      400,
      -32020,
    ],
    [
      'supported version',
      { headers: { ...json, 'mcp-protocol-version': '2099-01-01' }, body: body(envelope('2099-01-01')) },
      400,
      -32022,
    ],
    [
      'presence of the headers',
      { headers: { ...json, 'mcp-protocol-version': '2026-07-28' }, body: body(envelope('2026-07-28')) },
      400,
      -32020,
    ],
    ['method', { headers: { ...json, ...rightHeaders }, body: body(envelope('2026-07-28')) }, 404, -32601],
  ];
  it.each(steps)('%s', async (_name, { headers, body: sent }, status, rpc) => {
    const reply = await server.client.send({
      headers: { ...headers, authorization: `Bearer ${server.keys.owner}` },
      body: sent,
    });
    expect([reply.status, reply.json?.error?.code]).toEqual([status, rpc]);
  });

  it('tells which versions are supported, the same as discovery', async () => {
    const refused = await server.client.send({
      headers: { ...json, 'mcp-protocol-version': '2099-01-01', authorization: `Bearer ${server.keys.owner}` },
      body: body(envelope('2099-01-01')),
    });
    const discover = await server.call('server/discover');
    expect(refused.json?.error?.data).toMatchObject({
      requested: '2099-01-01',
      supported: discover.json?.result?.['supportedVersions'],
    });
  });

  it('asks for credentials before any of them', async () => {
    const reply = await server.client.send({ headers: { 'content-type': 'text/plain' }, body: '{' });
    expect(reply.status).toBe(401);
    expect(reply.headers['www-authenticate']).toMatch(/^Bearer/);
  });
});
