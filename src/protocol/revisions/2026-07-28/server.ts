import { fail } from '#kernel/errors/index.js';
import { isObject, RawResult, type RpcRequest } from '../../jsonrpc/index.js';
import {
  cacheableMethods,
  type latestModern,
  logLevels,
  meta,
  modernRevisions,
  type ClientFacts,
  type Implementation,
  type JsonObject,
  type LogLevel,
  type ModelRequest,
  type ModelResult,
} from '../../model/index.js';

/** True where a request claims the modern family: the family is a property of the body, never of a header alone. */
export const hasEnvelope = (params: Record<string, unknown> | undefined): boolean => {
  const given = params?.['_meta'];
  return isObject(given) && meta.protocolVersion in given;
};

/** What the envelope says, or why it cannot be read. Its members leave `params._meta`. */
export interface Decoded {
  readonly request: ModelRequest;
  readonly client: ClientFacts;
}

/**
 * Wire to model: takes the envelope out of `params._meta` (2026-07-28, basic: per-request metadata).
 * @throws SW_ENVELOPE_INVALID
 */
export function decodeRequest(message: RpcRequest, argumentsText?: string): Decoded {
  const params = message.params ?? {};
  const given = params['_meta'];
  if (!isObject(given)) throw invalid('params._meta is missing');
  const revision = given[meta.protocolVersion];
  if (typeof revision !== 'string') throw invalid(`${meta.protocolVersion} must be a string`);
  const capabilities = given[meta.clientCapabilities];
  if (!isObject(capabilities)) throw invalid(`${meta.clientCapabilities} must be an object`);
  const info = given[meta.clientInfo];
  if (info !== undefined && !isImplementation(info)) throw invalid(`${meta.clientInfo} needs a name and a version`);
  const logLevel = given[meta.logLevel];
  if (logLevel !== undefined && !isLogLevel(logLevel)) throw invalid(`${meta.logLevel} is not a log level`);
  const { progressToken } = given;
  if (progressToken !== undefined && typeof progressToken !== 'string' && !Number.isInteger(progressToken))
    throw invalid('progressToken must be a string or an integer');
  return {
    request: { method: message.method, params: withoutEnvelope(params, given), argumentsText },
    // An unknown revision is told apart by the caller, after the headers were compared.
    client: { family: 'modern', revision: revision as typeof latestModern, info, capabilities, logLevel },
  };
}

function withoutEnvelope(params: JsonObject, given: JsonObject): JsonObject {
  // Rest, not assignment or delete: a member called __proto__ stays a member, and the object stays a fast one.
  const { _meta: _whole, ...rest } = params;
  if (!hasMore(given)) return rest;
  const {
    [meta.protocolVersion]: _revision,
    [meta.clientCapabilities]: _capabilities,
    [meta.clientInfo]: _info,
    [meta.logLevel]: _logLevel,
    ...kept
  } = given;
  rest['_meta'] = kept;
  return rest;
}

/** Most requests have nothing but the envelope in `_meta`. */
function hasMore(given: JsonObject): boolean {
  for (const name in given) if (!envelopeMembers.has(name)) return true;
  return false;
}

const envelopeMembers: ReadonlySet<string> = new Set([
  meta.protocolVersion,
  meta.clientCapabilities,
  meta.clientInfo,
  meta.logLevel,
]);

const invalid = (reason: string) => fail('SW_ENVELOPE_INVALID', { reason });
const isImplementation = (value: unknown): value is Implementation =>
  isObject(value) && typeof value['name'] === 'string' && typeof value['version'] === 'string';
export const isLogLevel = (value: unknown): value is LogLevel => (logLevels as readonly unknown[]).includes(value);

/** Refuses a revision that this family does not have. @throws SW_REVISION_UNSUPPORTED */
export function requireSupported(revision: string): void {
  if (!(modernRevisions as readonly string[]).includes(revision))
    throw fail('SW_REVISION_UNSUPPORTED', { requested: revision, supported: modernRevisions });
}

/**
 * The members that a result lacks before it goes to a modern client, as JSON text without braces; empty where it
 * lacks none.
 * @param identity JSON text of the `_meta` that names us, for results without one
 */
export function missingMembers(method: string, result: ModelResult, identity: string): string {
  const has = (name: string) => (result instanceof RawResult ? result.has(name) : name in result);
  const complete = !has('resultType');
  let text = complete ? '"resultType":"complete",' : '';
  if (cacheableMethods.has(method) && !has('inputRequests') && !has('requestState')) {
    if (!has('ttlMs')) text += '"ttlMs":0,';
    if (!has('cacheScope')) text += '"cacheScope":"private",';
  }
  if (complete && method === 'tools/call' && !has('content')) text += '"content":[],';
  if (!has('_meta')) text += `"_meta":${identity},`;
  return text.slice(0, -1);
}
