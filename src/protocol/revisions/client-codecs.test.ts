import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PeerError, RawResult } from '../jsonrpc/index.js';
import { latestModern, meta, type ClientFacts } from '../model/index.js';
import { decodeMirrored } from '../server/index.js';
import { legacy, modern } from './index.js';

const client: ClientFacts = { family: 'modern', revision: latestModern, capabilities: { roots: {} } };
const hasUtf8 = (text: string): boolean => Buffer.from(text).toString() === text;
const raw = (value: object) => new RawResult(Buffer.from(JSON.stringify(value)));

describe('the headers of a request to a modern server', () => {
  it('mirror what the server will compare, whatever the name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (name, region) => {
        const lines = modern.modernHeaders({ method: 'tools/call', params: { name, arguments: { a: { region } } } }, [
          { header: 'Region', path: ['a', 'region'] },
        ]);
        const headers = new Map(
          Array.from({ length: lines.length / 2 }, (_, i) => [lines[2 * i] as string, lines[2 * i + 1] as string]),
        );
        for (const value of headers.values()) expect(value).toMatch(/^[\x20-\x7e\t]*$/);
        // A lone surrogate has no UTF-8: nobody can carry it.
        if (hasUtf8(name)) expect(decodeMirrored(headers.get('mcp-name') ?? '')).toBe(name);
        if (hasUtf8(region)) expect(decodeMirrored(headers.get('mcp-param-Region') ?? '')).toBe(region);
      }),
    );
  });

  it('leave out what is not there', () => {
    const paths = [
      { header: 'X', path: ['x'] },
      { header: 'Y', path: ['x', 'y', 'z'] },
    ];
    expect(modern.modernHeaders({ method: 'tools/list', params: {} }, paths)).toEqual([
      'mcp-protocol-version',
      latestModern,
      'mcp-method',
      'tools/list',
    ]);
    expect(
      modern.modernHeaders({ method: 'tools/call', params: { name: 'a', arguments: { x: null } } }, paths),
    ).not.toContain('mcp-param-X');
  });
});

describe('a request to a server of either family', () => {
  it('carries its client in the modern envelope, and keeps what else was in _meta', () => {
    const encoded = modern.encodeModern(
      { method: 'm', params: { a: 1, _meta: { progressToken: 1, vendor: 2 } } },
      { ...client, info: { name: 'n', version: '1' }, logLevel: 'error' },
    );
    expect(encoded.params).toEqual({
      a: 1,
      _meta: {
        progressToken: 1,
        vendor: 2,
        [meta.protocolVersion]: latestModern,
        [meta.clientCapabilities]: { roots: {} },
        [meta.clientInfo]: { name: 'n', version: '1' },
        [meta.logLevel]: 'error',
      },
    });
  });

  it('loses the capabilities of a legacy client that the modern family has not got', () => {
    const capabilities = { tasks: {}, roots: { listChanged: true }, sampling: {} };
    const { params } = modern.encodeModern(
      { method: 'm', params: {} },
      { family: 'legacy', revision: '2025-11-25', capabilities },
    );
    expect((params['_meta'] as Record<string, unknown>)[meta.clientCapabilities]).toEqual({ roots: {}, sampling: {} });
  });

  it('loses the members of a retry for a legacy server', () => {
    const request = { method: 'tools/call', params: { name: 'a' } };
    expect(legacy.encodeLegacy(request)).toBe(request);
    expect(
      legacy.encodeLegacy({ ...request, params: { name: 'a', inputResponses: {}, requestState: 's', x: 1 } }).params,
    ).toEqual({ name: 'a', x: 1 });
  });
});

describe('what a server says of itself', () => {
  it.each(['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'])('at initialize, in %s', (protocolVersion) => {
    expect(
      legacy.readInitialize(
        raw({
          protocolVersion,
          capabilities: { tools: {} },
          serverInfo: { name: 'n', version: '1' },
          instructions: 'i',
        }),
      ),
    ).toMatchObject({
      revision: protocolVersion,
      capabilities: { tools: {} },
      serverInfo: { name: 'n' },
      instructions: 'i',
    });
  });

  it('at initialize, in a revision that we do not speak', () => {
    for (const protocolVersion of ['2099-01-01', '2026-07-28', 7, undefined])
      expect(legacy.readInitialize(raw({ protocolVersion }))).toBeUndefined();
  });

  it('at discovery', () => {
    const result = {
      supportedVersions: [latestModern],
      capabilities: 7,
      _meta: { [meta.serverInfo]: { name: 'n', version: '1' } },
    };
    expect(modern.readDiscover(raw(result))).toMatchObject({
      revision: latestModern,
      capabilities: {},
      serverInfo: { name: 'n' },
      instructions: undefined,
    });
    for (const supportedVersions of [[], ['2099-01-01'], 'all', undefined])
      expect(modern.readDiscover(raw({ supportedVersions }))).toBeUndefined();
  });

  it('by its errors', () => {
    const error = (code: number, message = '', data?: unknown) => new PeerError({ code, message, data });
    for (const one of [
      error(-32020),
      error(-32021),
      error(-32022, '', { supported: [] }),
      error(-32602, `${meta.protocolVersion} is missing`),
    ])
      expect(modern.isModernError(one)).toBe(true);
    for (const one of [error(-32601), error(-32602, 'not initialized'), error(-32022), error(-32000)])
      expect(modern.isModernError(one)).toBe(false);
    expect(modern.lacksOurRevision(error(-32022, '', { supported: ['2099-01-01'] }))).toBe(true);
    expect(modern.lacksOurRevision(error(-32022, '', { supported: [latestModern] }))).toBe(false);
    // A server may say anything.
    expect(modern.lacksOurRevision(error(-32022, '', {}))).toBe(false);
    expect(modern.lacksOurRevision(error(-32022, '', { supported: 'x' }))).toBe(false);
  });
});

describe('x-mcp-header annotations', () => {
  const schema = (properties: object, more: object = {}) => ({ type: 'object', properties, ...more });
  const named = (header: unknown, type: unknown = 'string') => ({ type, 'x-mcp-header': header });

  it('are found wherever only properties lead to', () => {
    expect(
      modern.readParamHeaders(
        schema({ a: named('A'), b: schema({ c: named('C', 'integer') }), d: { type: 'string' } }),
      ),
    ).toEqual({
      valid: true,
      headers: [
        { header: 'A', path: ['a'] },
        { header: 'C', path: ['b', 'c'] },
      ],
    });
    expect(modern.readParamHeaders(schema({ a: { default: { 'x-mcp-header': 7 } } }))).toEqual({
      valid: true,
      headers: [],
    });
    expect(modern.readParamHeaders(schema({ 'x-mcp-header': { type: 'string' } }))).toMatchObject({ valid: true });
  });

  const invalid: readonly (readonly [string, object])[] = [
    ['empty', schema({ a: named('') })],
    ['no token', schema({ a: named('a b') })],
    ['no string', schema({ a: named(7) })],
    ['on a number', schema({ a: named('A', 'number') })],
    ['on an object', schema({ a: named('A', 'object') })],
    ['without a type', schema({ a: { 'x-mcp-header': 'A' } })],
    ['twice, in another case', schema({ a: named('A'), b: named('a') })],
    ['at the root', { ...schema({}), 'x-mcp-header': 'A' }],
    ['in items', schema({ a: { type: 'array', items: named('A') } })],
    ['in a composition', schema({}, { anyOf: [schema({ a: named('A') })] })],
    ['in definitions', schema({}, { $defs: { x: named('A') } })],
    ['in a pattern', schema({}, { patternProperties: { x: named('A') } })],
    ['too deep', Array.from({ length: 80 }).reduce<object>((inner) => schema({ a: inner }), named('A'))],
  ];
  it.each(invalid)('are refused: %s', (_name, given) => {
    expect(modern.readParamHeaders(given as Record<string, unknown>)).toMatchObject({ valid: false });
  });
});
