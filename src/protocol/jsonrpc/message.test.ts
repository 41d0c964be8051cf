import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fail, SeaworthyError } from '#kernel/errors/index.js';
import { PeerError, toMessage, toRpcError } from './index.js';

const message = (members: Record<string, unknown>) => ({ jsonrpc: '2.0', ...members });

describe('a parsed value', () => {
  it.each([
    ['request', { id: 1, method: 'ping' }],
    ['request', { id: '', method: 'tools/call', params: {} }],
    ['notification', { method: 'notifications/initialized' }],
    ['response', { id: 0, result: {} }],
    ['response', { id: 'a', error: { code: -32603, message: 'no', data: 1 } }],
    ['response', { id: null, error: { code: -32700, message: 'no' } }],
    ['response', { error: { code: -32700, message: 'no' } }],
  ])('is a %s: %o', (kind, members) => {
    const value = message(members);
    const read = toMessage(value);
    expect(read.kind).toBe(kind);
    expect(read.message).toBe(value);
  });

  it.each([
    ['an id of null', { id: null, method: 'ping' }],
    ['an id with a fraction', { id: 1.5, method: 'ping' }],
    ['an id that a double cannot hold', { id: 2 ** 53, method: 'ping' }],
    ['an id that is an object', { id: {}, method: 'ping' }],
    ['a method that is not a string', { id: 1, method: 7 }],
    ['params by position', { id: 1, method: 'ping', params: [] }],
    ['params of null', { id: 1, method: 'ping', params: null }],
    ['a request with a result', { id: 1, method: 'ping', result: {} }],
    ['a result and an error', { id: 1, result: {}, error: { code: 1, message: '' } }],
    ['neither a method nor an outcome', { id: 1 }],
    ['a result without an id', { result: {} }],
    ['a result that is no object', { id: 1, result: 'done' }],
    ['an error without a code', { id: 1, error: { message: 'no' } }],
    ['an error with an id that is an object', { id: {}, error: { code: 1, message: 'no' } }],
  ])('is refused: %s', (_, members) => {
    expect(() => toMessage(message(members))).toThrow(expect.objectContaining({ code: 'SW_REQUEST_INVALID' }));
  });

  it.each([[null], [[]], ['ping'], [{ id: 1, method: 'ping' }], [{ jsonrpc: '1.0', id: 1, method: 'ping' }]])(
    'is refused when it is no JSON-RPC 2.0 object: %o',
    (value) => {
      expect(() => toMessage(value)).toThrow(expect.objectContaining({ code: 'SW_REQUEST_INVALID' }));
    },
  );

  it('never makes the reader fail in another way', () => {
    const members = fc.record(
      {
        jsonrpc: fc.constantFrom('2.0', '1.0', 2),
        id: fc.jsonValue({ maxDepth: 1 }),
        method: fc.jsonValue({ maxDepth: 1 }),
        params: fc.jsonValue({ maxDepth: 1 }),
        result: fc.jsonValue({ maxDepth: 1 }),
        error: fc.jsonValue({ maxDepth: 1 }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(members, fc.jsonValue()), (value) => {
        try {
          toMessage(value);
        } catch (error) {
          expect(error).toBeInstanceOf(SeaworthyError);
        }
      }),
    );
  });
});

describe('our error on the wire', () => {
  it('carries the JSON-RPC code, and code, hint and request id as data', () => {
    expect(toRpcError(fail('SW_METHOD_UNKNOWN', { method: 'x/y' }), 'r7')).toEqual({
      code: -32601,
      message: 'Method not found: x/y.',
      data: {
        code: 'SW_METHOD_UNKNOWN',
        hint: 'Use a method of the protocol revision that the request declares.',
        requestId: 'r7',
      },
    });
  });

  it('says when to come back', () => {
    const error = fail('SW_RATE_LIMITED', { limit: 5, windowSeconds: 60, retryAfterSeconds: 12 });
    expect(toRpcError(error).data).toMatchObject({ retryable: true, retryAfterSeconds: 12 });
  });

  it('gives the specification its own members', () => {
    const error = fail('SW_REVISION_UNSUPPORTED', { requested: '1999-01-01', supported: ['2026-07-28'] });
    expect(toRpcError(error).data).toMatchObject({ requested: '1999-01-01', supported: ['2026-07-28'] });
  });

  it('never carries the cause or details that nobody asked for', () => {
    const error = fail('SW_INTERNAL', { file: '/srv/secret' }, new Error('token=abc'));
    expect(JSON.stringify(toRpcError(error))).not.toMatch(/secret|token/);
  });
});

it('keeps the error of a peer as it came', () => {
  const error = { code: -32002, message: 'gone', data: { uri: 'a:b' } };
  expect(new PeerError(error, 404)).toMatchObject({ name: 'PeerError', message: 'gone', error, status: 404 });
});
