import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CallScope } from '#kernel/context/index.js';
import { systemClock } from '#kernel/time/index.js';
import { DuplexPeer, faultsOf } from '../client/index.js';
import { argumentsTextOf, isObject, parseMembers, parseStrict, type RawResult } from '../jsonrpc/index.js';
import {
  cacheableMethods,
  latestLegacy,
  latestModern,
  meta,
  type ClientFacts,
  type Family,
  type JsonObject,
  type ModelNotification,
  type ModelRequest,
} from '../model/index.js';
import { legacy, modern } from '../revisions/index.js';
import { classify } from './classify.js';
import { encodeNotification, encodeResult } from './encode.js';

/** The way of one message: client wire, model, upstream wire, and back. Both ends are real, between them nothing. */

const families = ['modern', 'legacy'] as const;
const common = [
  'tools/list',
  'tools/call',
  'prompts/list',
  'prompts/get',
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'completion/complete',
];
const methods: Readonly<Record<Family, readonly string[]>> = {
  modern: [...common, 'server/discover', 'subscriptions/listen', 'tasks/get', 'vendor/method'],
  legacy: [...common, 'resources/subscribe', 'resources/unsubscribe', 'logging/setLevel', 'ping', 'vendor/method'],
};

const objectText = (members: Readonly<Record<string, string>>): string =>
  `{${Object.entries(members)
    .map(([name, text]) => `${JSON.stringify(name)} : ${text}`)
    .join(' ,')}}`;

/** JSON text that parsing and writing would change: wide numbers, spellings of numbers and strings, inner space. */
const jsonText: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom('12345678901234567890', '1e400', '-0', '0.1000', '1E+2', '9007199254740993', 'true', 'null'),
    fc.constantFrom('"\\u00e9"', '"a\\/b"', '"\\ud83d\\ude00"', '"é\\n"', '""'),
    fc.array(tie('value'), { maxLength: 3 }).map((items) => `[${items.join(', ')}]`),
    fc.dictionary(fc.stringMatching(/^[a-z_2]{1,4}$/), tie('value'), { maxKeys: 3 }).map(objectText),
  ),
})).value;
/** A result as an upstream writes it: known members among unknown ones, in any order. */
const resultText = fc
  .tuple(
    fc.dictionary(fc.stringMatching(/^[a-z]{1,6}$/), jsonText, { maxKeys: 4 }),
    fc.dictionary(
      fc.constantFrom('content', 'contents', 'tools', 'structuredContent', 'isError', 'nextCursor', 'instructions'),
      jsonText,
      { maxKeys: 3 },
    ),
    fc.dictionary(fc.constantFrom('resultType', 'ttlMs', 'cacheScope'), fc.constant('"kept?"'), { maxKeys: 3 }),
    fc.option(fc.dictionary(fc.constantFrom('vendor', 'trace', meta.serverInfo), jsonText, { maxKeys: 3 })),
  )
  .map(([unknown, known, ofModern, given]) =>
    objectText({ ...known, ...unknown, ...ofModern, ...(given ? { _meta: objectText(given) } : {}) }),
  );

/** Members of any value, among them those that a codec could mistake for its own. */
const params = fc.dictionary(
  fc.oneof(
    fc.stringMatching(/^[a-z]{1,6}$/),
    fc.constantFrom('name', 'uri', 'cursor', 'arguments', 'task', 'inputResponses', 'requestState', 'toString'),
  ),
  fc.jsonValue({ maxDepth: 2 }),
  { maxKeys: 6 },
);
const vendorMeta = fc.dictionary(fc.constantFrom('traceparent', 'dev.vendor/x', 'y'), fc.jsonValue({ maxDepth: 1 }));
const progressToken = fc.option(fc.oneof(fc.string(), fc.integer()), { nil: undefined });

const facts: Readonly<Record<Family, ClientFacts>> = {
  modern: { family: 'modern', revision: latestModern, capabilities: { sampling: {} } },
  legacy: { family: 'legacy', revision: latestLegacy, capabilities: { roots: { listChanged: true }, tasks: {} } },
};
const envelopeOf = (capabilities: JsonObject): JsonObject => ({
  [meta.protocolVersion]: latestModern,
  [meta.clientCapabilities]: capabilities,
});

/** Reads a request off a client's wire as the endpoints do. */
function decode(text: string): ModelRequest {
  const bytes = Buffer.from(text);
  const { value, wideNumber } = parseStrict(bytes, 64);
  const inbound = classify(value, undefined);
  if (inbound.batch || inbound.entry.kind !== 'request') throw new TypeError('it is no request');
  const argumentsText = wideNumber ? argumentsTextOf(bytes) : undefined;
  return inbound.family === 'modern'
    ? modern.decodeRequest(inbound.entry.message, argumentsText).request
    : legacy.decodeRequest(inbound.entry.message, argumentsText);
}

const encode = (request: ModelRequest, client: ClientFacts, upstream: Family): ModelRequest =>
  upstream === 'modern' ? modern.encodeModern(request, client) : legacy.encodeLegacy(request);

/** The upstream end: what was sent, and a way to answer it. */
function upstreamEnd() {
  const sent: string[] = [];
  const options = {
    wire: { send: (text: string) => void sent.push(text) },
    faults: faultsOf('up'),
    clock: systemClock,
    unattributed: () => {},
    maxResultBytes: 2 ** 20,
    onGarbage: (reason: unknown) => {
      throw reason;
    },
  };
  return { sent, peer: new DuplexPeer(options) };
}

function send(request: ModelRequest) {
  const { sent, peer } = upstreamEnd();
  // A call before it, so that the id of this hop is not by accident that of the client.
  const scope = () => new CallScope('r', { id: 'p', kind: 'local', name: 'p', roles: [] }, 0);
  const notified: ModelNotification[] = [];
  peer.request({ request: { method: 'ping', params: {} }, scope: scope() }).catch(() => {});
  const result = peer.request({
    request,
    scope: scope(),
    channel: { notify: (notification) => notified.push(notification) },
  });
  return { text: sent[1] ?? '', receive: (text: string) => peer.receive(Buffer.from(text)), result, notified };
}

const directions = families.flatMap((client) => families.map((upstream) => [client, upstream] as const));

describe.each(directions)('a request of a %s client to a %s server', (family, upstream) => {
  it('keeps its params, and changes the id, the progress token and the envelope alone', () => {
    const inputs = [fc.constantFrom(...methods[family]), params, vendorMeta, progressToken] as const;
    fc.assert(
      fc.property(...inputs, (method, given, vendor, token) => {
        const { capabilities } = facts[family];
        const own = { ...vendor, ...(token === undefined ? {} : { progressToken: token }) };
        const _meta = family === 'modern' ? { ...own, ...envelopeOf(capabilities) } : own;
        const wire = JSON.stringify({ jsonrpc: '2.0', id: 'client-id', method, params: { ...given, _meta } });
        const { text } = send(encode(decode(wire), facts[family], upstream));
        const out = JSON.parse(text) as { id: number; method: string; params: JsonObject };
        expect([out.id, out.method]).toEqual([2, method]);

        const before = (JSON.parse(wire) as { params: JsonObject }).params;
        const { _meta: _before, ...expected } = before;
        if (upstream === 'legacy') for (const retry of ['inputResponses', 'requestState']) delete expected[retry];
        const { _meta: sentMeta, ...sent } = out.params;
        // Text, not values: the order of members is kept, too. Arguments that parsing would change come last.
        const { arguments: sentArguments, ...sentRest } = sent;
        const { arguments: expectedArguments, ...expectedRest } = expected;
        expect(JSON.stringify(sentRest)).toBe(JSON.stringify(expectedRest));
        expect(JSON.stringify(sentArguments)).toBe(JSON.stringify(expectedArguments));

        const crossing = family === 'legacy' ? { roots: {} } : capabilities;
        const envelope = upstream === 'modern' ? envelopeOf(crossing) : {};
        const hop = token === undefined ? {} : { progressToken: out.id };
        expect(sentMeta ?? {}).toEqual(JSON.parse(JSON.stringify({ ...vendor, ...hop, ...envelope })));
      }),
    );
  });

  it('keeps the text of arguments with numbers that a double cannot hold', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z]{1,4}$/), jsonText, { maxKeys: 4 }), (members) => {
        const given = objectText({ ...members, wide: '12345678901234567890' });
        const _meta = JSON.stringify(family === 'modern' ? envelopeOf({}) : {});
        const wire = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":${given},"_meta":${_meta}}}`;
        expect(send(encode(decode(wire), facts[family], upstream)).text).toContain(`"arguments":${given}`);
      }),
    );
  });
});

describe.each(families)('a result for a %s client', (family) => {
  /** Members that a codec may take away or write anew; everything else keeps its text and its place. */
  const owned = new Set(family === 'legacy' ? ['resultType', 'ttlMs', 'cacheScope', '_meta'] : []);
  /** Members that a codec may add where they are missing. */
  const added = new Set(family === 'modern' ? ['resultType', 'ttlMs', 'cacheScope', '_meta', 'content'] : []);

  it('keeps every other member byte for byte, in order', async () => {
    const method = fc.constantFrom('tools/call', 'prompts/get', 'completion/complete', ...cacheableMethods);
    await fc.assert(
      fc.asyncProperty(method, resultText, async (called, text) => {
        const { receive, result } = send({ method: called, params: {} });
        receive(`{"jsonrpc":"2.0","id":2,"result":${text}}`);
        const out = encodeResult('client-id', called, await result, facts[family], { name: 'us', version: '1' }).join(
          '',
        );
        const head = '{"jsonrpc":"2.0","id":"client-id","result":';
        expect(out.startsWith(head)).toBe(true);
        const before = membersOf(text);
        const after = membersOf(out.slice(head.length, -1));
        expect(after.filter(([name]) => before.some(([known]) => known === name) && !owned.has(name))).toEqual(
          before.filter(([name]) => !owned.has(name)),
        );
        for (const [name] of after) expect(before.some(([known]) => known === name) || added.has(name)).toBe(true);
        if (family === 'legacy') {
          expect(after.map(([name]) => name)).not.toContain('resultType');
          expect(metaOf(await result, meta.serverInfo)).toEqual(after.find(([name]) => name === '_meta')?.[1]);
        }
      }),
    );
  });
});

/** Names and texts of the members of an object. */
function membersOf(text: string): (readonly [string, string])[] {
  const bytes = Buffer.from(text);
  return [...parseMembers(bytes)].map(([name, { start, end }]) => [name, bytes.toString('utf8', start, end)] as const);
}

/** The text of `_meta` as a legacy client gets it. */
function metaOf(result: RawResult, without: string): string | undefined {
  const given = result.get('_meta');
  if (!isObject(given)) return undefined;
  if (!(without in given)) return membersOf(result.splice({}).join('')).find(([name]) => name === '_meta')?.[1];
  const { [without]: _identity, ...rest } = given;
  return Object.keys(rest).length > 0 ? JSON.stringify(rest) : undefined;
}

describe('progress of a call', () => {
  it('comes under the token of the client, with everything else that the server said', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string(), fc.integer()), params, async (token, said) => {
        const { receive, result, notified } = send({
          method: 'tools/call',
          params: { _meta: { progressToken: token } },
        });
        const progress = JSON.stringify({ ...said, progressToken: 2, progress: 1 });
        receive(`{"jsonrpc":"2.0","method":"notifications/progress","params":${progress}}`);
        receive('{"jsonrpc":"2.0","id":2,"result":{}}');
        await result;
        const [sent] = notified.map((each) => JSON.parse(encodeNotification(each)) as { params: JsonObject });
        expect(sent?.params).toEqual({ ...(JSON.parse(progress) as JsonObject), progressToken: token });
      }),
    );
  });
});
