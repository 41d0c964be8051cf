import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PeerError, RawResult } from '../../jsonrpc/index.js';
import { encodeModern, headerValue, isModernError, modernHeaders, readDiscover } from './client.js';
import { readParamHeaders } from './param-headers.js';

const property = (schema: object) => ({ type: 'object', properties: { a: schema } });

describe('x-mcp-header annotations', () => {
  it('are found along properties', () => {
    const schema = property({ type: 'object', properties: { b: { type: 'integer', 'x-mcp-header': 'Deep' } } });
    expect(readParamHeaders(schema)).toEqual({ valid: true, headers: [{ header: 'Deep', path: ['a', 'b'] }] });
  });

  it.each([
    ['an empty name', property({ type: 'string', 'x-mcp-header': '' })],
    ['a name that is no token', property({ type: 'string', 'x-mcp-header': 'a b' })],
    ['a number', property({ type: 'number', 'x-mcp-header': 'A' })],
    ['no type', property({ 'x-mcp-header': 'A' })],
    ['the root', { type: 'object', 'x-mcp-header': 'A' }],
    ['items', property({ type: 'array', items: { type: 'string', 'x-mcp-header': 'A' } })],
    ['a composition', property({ anyOf: [{ type: 'string', 'x-mcp-header': 'A' }] })],
    ['a definition', { $defs: { d: { type: 'string', 'x-mcp-header': 'A' } } }],
    [
      'a name twice',
      { properties: { a: { type: 'string', 'x-mcp-header': 'A' }, b: { type: 'string', 'x-mcp-header': 'a' } } },
    ],
  ])('break the rules on %s', (_where, schema) => {
    expect(readParamHeaders(schema).valid).toBe(false);
  });

  it('in defaults and examples are data', () => {
    expect(readParamHeaders(property({ type: 'object', default: { 'x-mcp-header': 1 } }))).toEqual({
      valid: true,
      headers: [],
    });
  });

  it('of a property that has the keyword’s name are no annotation', () => {
    const schema = { type: 'object', properties: { 'x-mcp-header': { type: 'string' } } };
    expect(readParamHeaders(schema)).toEqual({ valid: true, headers: [] });
  });
});

describe('mirrored headers', () => {
  it.each([
    ['plain', 'plain'],
    ['a b', 'a b'],
    ['', '=?base64??='],
    [' padded', '=?base64?IHBhZGRlZA==?='],
    ['Zürich', '=?base64?WsO8cmljaA==?='],
    ['=?base64?eA==?=', '=?base64?PT9iYXNlNjQ/ZUE9PT89?='],
    ['two\r\nlines', '=?base64?dHdvDQpsaW5lcw==?='],
  ])('encode %j', (text, value) => {
    expect(headerValue(text)).toBe(value);
  });

  it('can always be sent and read back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const value = headerValue(text);
        expect(value).toMatch(/^[\x20-\x7e\t]*$/);
        const encoded = /^=\?base64\?(.*)\?=$/.exec(value)?.[1];
        expect(encoded === undefined ? value : Buffer.from(encoded, 'base64').toString()).toBe(text);
      }),
    );
  });

  it('name the method, the target and annotated arguments that are there', () => {
    const request = { method: 'tools/call', params: { name: 't', arguments: { n: 3, gone: null } } };
    const mirrored = [
      { header: 'N', path: ['n'] },
      { header: 'Gone', path: ['gone'] },
    ];
    expect(modernHeaders(request, mirrored)).toEqual([
      'mcp-protocol-version',
      '2026-07-28',
      'mcp-method',
      'tools/call',
      'mcp-name',
      't',
      'mcp-param-N',
      '3',
    ]);
  });
});

describe('the envelope', () => {
  const capabilities = { tasks: {}, roots: { listChanged: true }, sampling: {} };
  it('leaves out what a legacy client has no modern counterpart for, and keeps other members', () => {
    const { params } = encodeModern(
      { method: 'tools/call', params: { name: 't', _meta: { traceparent: 'x' } } },
      { family: 'legacy', revision: '2025-11-25', capabilities },
    );
    expect(params['_meta']).toEqual({
      traceparent: 'x',
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': { roots: {}, sampling: {} },
    });
  });
});

describe('evidence of the modern family', () => {
  const error = (code: number, message = '', data?: unknown) => new PeerError({ code, message, data });
  it.each([
    [true, 'header mismatch', error(-32020)],
    [true, 'missing capability', error(-32021)],
    [true, 'unsupported version with its list', error(-32022, '', { supported: [] })],
    [true, 'a bad envelope', error(-32602, 'io.modelcontextprotocol/protocolVersion is missing')],
    [false, 'invalid params before initialize', error(-32602, 'Invalid request parameters')],
    [false, 'an unknown method', error(-32601)],
    [false, 'an older server error', error(-32000, 'Server not initialized')],
  ])('%s: %s', (verdict, _what, thrown) => {
    expect(isModernError(thrown)).toBe(verdict);
  });

  it('is a discover result that offers our revision', () => {
    const discover = (body: object) => readDiscover(new RawResult(Buffer.from(JSON.stringify(body))));
    expect(discover({ supportedVersions: ['2026-07-28'], capabilities: { tools: {} } })).toMatchObject({
      capabilities: { tools: {} },
    });
    expect(discover({ supportedVersions: ['2099-01-01'], capabilities: {} })).toBeUndefined();
    expect(discover({})).toBeUndefined();
  });
});
