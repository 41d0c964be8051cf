import { fail } from '#kernel/errors/index.js';
import { isObject, RawResult, type RpcErrorObject, type RpcRequest } from '../../jsonrpc/index.js';
import {
  legacyRevisions,
  latestLegacy,
  meta,
  type Implementation,
  type JsonObject,
  type ModelRequest,
  type ModelResult,
  type Revision,
} from '../../model/index.js';

/** What a legacy client said in `initialize`. */
export interface InitializeFacts {
  readonly revision: Revision;
  readonly info: Implementation | undefined;
  readonly capabilities: JsonObject;
}

/**
 * Reads `initialize`. A revision that we do not know is answered with our newest of this family, and the client
 * decides (2025-11-25, basic/lifecycle: version negotiation).
 * @throws SW_PARAMS_INVALID
 */
export function decodeInitialize(message: RpcRequest): InitializeFacts {
  const params = message.params ?? {};
  const { protocolVersion, capabilities, clientInfo } = params;
  if (typeof protocolVersion !== 'string') throw fail('SW_PARAMS_INVALID', { reason: 'protocolVersion is missing' });
  if (!isObject(capabilities)) throw fail('SW_PARAMS_INVALID', { reason: 'capabilities must be an object' });
  const known = (legacyRevisions as readonly string[]).includes(protocolVersion);
  return {
    revision: known ? (protocolVersion as Revision) : latestLegacy,
    info: isObject(clientInfo) && typeof clientInfo['name'] === 'string' ? (clientInfo as Implementation) : undefined,
    capabilities,
  };
}

/** A discover result of the model as the answer to `initialize`. */
export function encodeInitialize(discover: JsonObject, revision: Revision): JsonObject {
  const resultMeta = isObject(discover['_meta']) ? { ...discover['_meta'] } : {};
  const serverInfo = resultMeta[meta.serverInfo];
  delete resultMeta[meta.serverInfo];
  const capabilities = isObject(discover['capabilities']) ? discover['capabilities'] : {};
  return {
    protocolVersion: revision,
    capabilities: legacyCapabilities(capabilities),
    serverInfo: serverInfo ?? { name: 'seaworthy', version: '0' },
    ...(discover['instructions'] === undefined ? {} : { instructions: discover['instructions'] }),
    ...(Object.keys(resultMeta).length > 0 ? { _meta: resultMeta } : {}),
  };
}

/** The tasks extension of the modern family has no legacy form; other extensions keep their names. */
function legacyCapabilities(capabilities: JsonObject): JsonObject {
  const { extensions, ...rest } = capabilities;
  if (!isObject(extensions)) return rest;
  const kept = { ...extensions };
  delete kept['io.modelcontextprotocol/tasks'];
  return Object.keys(kept).length > 0 ? { ...rest, extensions: kept } : rest;
}

/** Wire to model: a legacy request is a modern one without an envelope. */
export const decodeRequest = (message: RpcRequest, argumentsText?: string): ModelRequest => ({
  method: message.method,
  params: message.params ?? {},
  argumentsText,
});

/** Members that a legacy result must not have, and those that look different there. */
export function legacyPatch(result: ModelResult): { set: JsonObject; remove: readonly string[] } {
  const set: JsonObject = {};
  const get = (name: string) => (result instanceof RawResult ? result.get(name) : result[name]);
  const has = (name: string) => (result instanceof RawResult ? result.has(name) : name in result);
  const remove = modernMembers.filter(has);
  if (has('_meta')) {
    const given = get('_meta');
    if (isObject(given) && meta.serverInfo in given) {
      const { [meta.serverInfo]: _identity, ...rest } = given;
      if (Object.keys(rest).length > 0) set['_meta'] = rest;
      else remove.push('_meta');
    }
  }
  return { set, remove };
}

const modernMembers = ['resultType', 'ttlMs', 'cacheScope'];

/** A server's refusal until its user has opened pages; only in 2025-11-25 (client/elicitation, URL mode). */
export const pagesRequired = -32042;

/** The params of the elicitations that such a refusal lists; none where it is malformed. */
export function pagesOf({ data }: RpcErrorObject): readonly JsonObject[] {
  const listed = isObject(data) ? data['elicitations'] : undefined;
  if (!Array.isArray(listed)) return [];
  return listed
    .filter(isObject)
    .filter(({ url }) => typeof url === 'string')
    .map((page) => ({ ...page, mode: 'url' }));
}

/** The refusal itself, for pages that a client has to open before it calls again. */
export const pagesError = (pages: readonly JsonObject[]): RpcErrorObject => ({
  code: pagesRequired,
  message: 'Pages have to be opened first.',
  data: { elicitations: pages },
});

/** Error codes that the modern family renamed: a missing resource was -32002. */
export function legacyError(method: string, error: RpcErrorObject): RpcErrorObject {
  const missing = (method === 'resources/read' || method === 'resources/subscribe') && error.code === -32602;
  return missing && isObject(error.data) && 'uri' in error.data ? { ...error, code: -32002 } : error;
}
