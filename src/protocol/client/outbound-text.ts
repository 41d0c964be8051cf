import { SeaworthyError } from '#kernel/errors/index.js';
import { PeerError, toRpcError, type RpcErrorObject } from '../jsonrpc/index.js';
import type { JsonObject, ModelRequest, RequestId } from '../model/index.js';
import { progressTokenOf } from './peer.js';

/**
 * The text of a request under `id`, on one line. The id is the progress token as well, where the caller wants
 * progress. `argumentsText` is written as it is, but for line breaks, which outside of strings are only space.
 */
export function requestText(id: number, { method, params, argumentsText }: ModelRequest): string {
  const own =
    progressTokenOf(params) === undefined
      ? params
      : { ...params, _meta: { ...(params['_meta'] as JsonObject), progressToken: id } };
  if (argumentsText === undefined) return JSON.stringify({ jsonrpc: '2.0', id, method, params: own });
  const { arguments: _parsed, ...rest } = own;
  const text = JSON.stringify({ jsonrpc: '2.0', id, method, params: rest });
  const separator = text.endsWith('{}}') ? '' : ',';
  return `${text.slice(0, -2)}${separator}"arguments":${argumentsText.replace(/[\r\n]/g, ' ')}}}`;
}

export const notificationText = (method: string, params: JsonObject): string =>
  JSON.stringify({ jsonrpc: '2.0', method, params });

/** A request that a legacy server sent to us. */
export interface ServerRequest {
  readonly id: RequestId;
  readonly method: string;
  readonly params: JsonObject;
}

/** Asks whoever can answer a server's request and writes the response. Never rejects. */
export async function answerText(
  { id, method, params }: ServerRequest,
  ask: ((method: string, params: JsonObject) => Promise<JsonObject>) | undefined,
): Promise<string> {
  if (method === 'ping') return JSON.stringify({ jsonrpc: '2.0', id, result: {} });
  if (!ask) return errorText(id, { code: -32601, message: `No call is open that could answer ${method}.` });
  try {
    return JSON.stringify({ jsonrpc: '2.0', id, result: await ask(method, params) });
  } catch (thrown) {
    return errorText(id, errorObject(thrown));
  }
}

/** The answer to a question that could be of several calls: to give it to the wrong one would show it to a stranger. */
export const ambiguousText = (id: RequestId): string =>
  errorText(id, {
    code: -32603,
    message: 'Several calls are open, and the question does not say which it belongs to.',
  });

const errorText = (id: RequestId, error: RpcErrorObject): string => JSON.stringify({ jsonrpc: '2.0', id, error });

function errorObject(thrown: unknown): RpcErrorObject {
  if (thrown instanceof PeerError) return thrown.error;
  if (thrown instanceof SeaworthyError) return toRpcError(thrown);
  return { code: -32603, message: 'Internal error.' };
}
