import { RawResult, type RpcErrorObject } from '../jsonrpc/index.js';
import type { ClientFacts, JsonObject, ModelNotification, ModelResult, RequestId } from '../model/index.js';
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
  const { set, remove } =
    client.family === 'modern'
      ? { set: modern.completeResult(method, result, serverInfo), remove: [] as string[] }
      : legacy.legacyPatch(result);
  const head = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":`;
  if (result instanceof RawResult) return [head, ...result.splice(set, remove), '}'];
  return [`${head}${JSON.stringify(patched(result, set, remove))}}`];
}

function patched(result: JsonObject, set: JsonObject, remove: readonly string[]): JsonObject {
  if (remove.length === 0) return { ...result, ...set };
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
