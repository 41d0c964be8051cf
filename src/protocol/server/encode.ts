import { RawResult, type RpcErrorObject } from '../jsonrpc/index.js';
import {
  meta,
  type ClientFacts,
  type JsonObject,
  type ModelNotification,
  type ModelResult,
  type RequestId,
} from '../model/index.js';
import { legacy, modern } from '../revisions/index.js';

/** JSON text on its way out, in pieces so that a large middle is not copied. */
export type Pieces = readonly (string | Buffer)[];

/** The response to one request, in the words of the client's family. */
export function encodeResult(
  id: RequestId,
  method: string,
  result: ModelResult,
  client: ClientFacts,
  serverInfo: JsonObject,
): Pieces {
  const head = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":`;
  if (client.family === 'modern') {
    const missing = modern.missingMembers(method, result, identityOf(serverInfo));
    if (result instanceof RawResult) return [head, ...result.append(missing), '}'];
    return [`${head}${appended(JSON.stringify(result), missing)}}`];
  }
  const { set, remove } = legacy.legacyPatch(result);
  if (result instanceof RawResult) return [head, ...result.splice(set, remove), '}'];
  return [`${head}${JSON.stringify(patched(result, set, remove))}}`];
}

/** Adds members to the text of an object that has none of them: cheaper than copying the object. */
function appended(text: string, members: string): string {
  if (members === '') return text;
  return `${text.slice(0, -1)}${text === '{}' ? '' : ','}${members}}`;
}

const identities = new WeakMap<JsonObject, string>();

/** The `_meta` that names us, written once. */
function identityOf(serverInfo: JsonObject): string {
  let text = identities.get(serverInfo);
  if (text === undefined) identities.set(serverInfo, (text = JSON.stringify({ [meta.serverInfo]: serverInfo })));
  return text;
}

function patched(result: JsonObject, set: JsonObject, remove: readonly string[]): JsonObject {
  if (remove.length === 0 && Object.keys(set).length === 0) return result;
  const rest = { ...result, ...set };
  for (const name of remove) if (!(name in set)) delete rest[name];
  return rest;
}

export const encodeError = (id: RequestId | null, error: RpcErrorObject): string =>
  JSON.stringify(id === null ? { jsonrpc: '2.0', error } : { jsonrpc: '2.0', id, error });

export const encodeNotification = ({ method, params }: ModelNotification): string =>
  JSON.stringify({ jsonrpc: '2.0', method, params });

export const encodeRequest = (id: RequestId, method: string, params: JsonObject): string =>
  JSON.stringify({ jsonrpc: '2.0', id, method, params });

export const byteLengthOf = (pieces: Pieces): number =>
  pieces.reduce((sum, piece) => sum + (typeof piece === 'string' ? Buffer.byteLength(piece) : piece.length), 0);
