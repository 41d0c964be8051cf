import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RawResult, type RpcRequest } from '../jsonrpc/index.js';
import {
  cacheableMethods,
  latestLegacy,
  latestModern,
  meta,
  type ClientFacts,
  type JsonObject,
} from '../model/index.js';
import { legacy, modern } from '../revisions/index.js';
import { encodeResult } from './encode.js';

const modernClient: ClientFacts = { family: 'modern', revision: latestModern, capabilities: {} };
const legacyClient: ClientFacts = { family: 'legacy', revision: latestLegacy, capabilities: {} };
const serverInfo = { name: 'gateway', version: '1' };

const methods = ['tools/call', 'prompts/get', 'completion/complete', ...cacheableMethods];

/** Any JSON object, some members of which mean something to a codec. */
const member = fc.oneof(
  fc.string(),
  fc.constantFrom(
    'content',
    'structuredContent',
    'resultType',
    'ttlMs',
    'cacheScope',
    '_meta',
    'isError',
    'inputRequests',
    'requestState',
    '__proto__',
    'constructor',
  ),
);
const jsonObject: fc.Arbitrary<JsonObject> = fc
  .array(fc.tuple(member, fc.jsonValue({ maxDepth: 3 })), { maxLength: 8 })
  .map((entries) => Object.fromEntries(entries));
const withIdentity = fc.tuple(jsonObject, jsonObject, fc.boolean()).map(([result, given, named]) => ({
  ...result,
  ...(named ? { _meta: { ...given, [meta.serverInfo]: { name: 'upstream', version: '2' } } } : {}),
}));
const anyResult = fc.oneof(jsonObject, withIdentity);

const parsed = (...args: Parameters<typeof encodeResult>): { id: unknown; result: JsonObject } =>
  JSON.parse(
    encodeResult(...args)
      .map((piece) => piece.toString())
      .join(''),
  ) as { id: unknown; result: JsonObject };

/** As it will be on the wire: `-0` and the like have no form of their own there. */
const onWire = (value: JsonObject): JsonObject => JSON.parse(JSON.stringify(value)) as JsonObject;

describe('a result on its way to a client', () => {
  it.each([modernClient, legacyClient])('is the same as bytes and as an object: $family', (client) => {
    fc.assert(
      fc.property(
        anyResult,
        fc.constantFrom(...methods),
        fc.oneof(fc.string(), fc.maxSafeInteger()),
        (result, method, id) => {
          const raw = new RawResult(Buffer.from(JSON.stringify(result)));
          const asBytes = parsed(id, method, raw, client, serverInfo);
          expect(asBytes).toEqual(parsed(id, method, onWire(result), client, serverInfo));
          expect(asBytes.id).toBe(onWire({ id })['id']);
        },
      ),
    );
  });

  it('keeps every member that it had, for a modern client', () => {
    fc.assert(
      fc.property(anyResult, fc.constantFrom(...methods), (result, method) => {
        const { result: sent } = parsed(1, method, onWire(result), modernClient, serverInfo);
        for (const [name, value] of Object.entries(onWire(result)))
          expect(Object.entries(sent)).toContainEqual([name, value]);
        expect(sent).toHaveProperty('resultType');
      }),
    );
  });

  it('loses only what the legacy family has not got', () => {
    const gone = new Set(['resultType', 'ttlMs', 'cacheScope']);
    fc.assert(
      fc.property(anyResult, fc.constantFrom(...methods), (result, method) => {
        const given = onWire(result);
        const { result: sent } = parsed(1, method, given, legacyClient, serverInfo);
        for (const name of Object.keys(sent)) expect(Object.keys(given)).toContain(name);
        for (const [name, value] of Object.entries(given)) {
          if (gone.has(name)) expect(Object.keys(sent)).not.toContain(name);
          else if (name !== '_meta') expect(Object.entries(sent)).toContainEqual([name, value]);
        }
        expect(JSON.stringify(sent['_meta'] ?? {})).not.toContain(`"${meta.serverInfo}":{"name":"upstream"`);
      }),
    );
  });

  it('keeps numbers and spellings that parsing would lose', () => {
    const text = '{"big":12345678901234567890,"exact":1.10,"escaped":"\\u00e9","_meta":{"x":1}}';
    for (const client of [modernClient, legacyClient]) {
      const sent = encodeResult(1, 'tools/call', new RawResult(Buffer.from(text)), client, serverInfo).join('');
      for (const part of ['12345678901234567890', '1.10', '"\\u00e9"']) expect(sent).toContain(part);
    }
  });
});

describe('a request on its way in', () => {
  const request = (params: JsonObject): RpcRequest => ({ jsonrpc: '2.0', id: 1, method: 'tools/call', params });

  it('loses its envelope and nothing else, in the modern family', () => {
    fc.assert(
      fc.property(jsonObject, jsonObject, (params, given) => {
        const { progressToken: _token, ...vendor } = given;
        const envelope = {
          [meta.protocolVersion]: latestModern,
          [meta.clientCapabilities]: { a: {} },
          [meta.logLevel]: 'info',
        };
        const { request: decoded, client } = modern.decodeRequest(
          request({ ...params, _meta: { ...vendor, ...envelope } }),
        );
        const { _meta: kept, ...rest } = decoded.params;
        const { _meta: _given, ...expected } = params;
        expect(Object.entries(rest)).toEqual(Object.entries(expected));
        expect(Object.entries((kept ?? {}) as JsonObject)).toEqual(Object.entries(vendor));
        expect(client).toMatchObject({ revision: latestModern, capabilities: { a: {} }, logLevel: 'info' });
      }),
    );
  });

  it('is the same request in the legacy family', () => {
    fc.assert(
      fc.property(jsonObject, (params) => {
        expect(legacy.decodeRequest(request(params)).params).toBe(params);
      }),
    );
  });

  it('never makes a codec throw what is no typed failure', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.constantFrom(
            meta.protocolVersion,
            meta.clientCapabilities,
            meta.clientInfo,
            meta.logLevel,
            'progressToken',
            'x',
          ),
          fc.jsonValue(),
        ),
        (given) => {
          try {
            modern.decodeRequest(request({ _meta: given }));
          } catch (error) {
            expect(error).toMatchObject({ code: 'SW_ENVELOPE_INVALID' });
          }
        },
      ),
    );
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom('protocolVersion', 'capabilities', 'clientInfo'), fc.jsonValue()),
        (params) => {
          try {
            legacy.decodeInitialize({ ...request(params), method: 'initialize' });
          } catch (error) {
            expect(error).toMatchObject({ code: 'SW_PARAMS_INVALID' });
          }
        },
      ),
    );
  });
});
