import { fail, type SeaworthyError } from '#kernel/errors/index.js';
import { isObject } from './parse.js';

export interface RpcRequest {
  readonly jsonrpc: '2.0';
  readonly id: string | number;
  readonly method: string;
  readonly params?: Record<string, unknown>;
}
export interface RpcNotification {
  readonly jsonrpc: '2.0';
  readonly method: string;
  readonly params?: Record<string, unknown>;
}
export interface RpcErrorObject {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}
export type RpcResponse =
  | { readonly jsonrpc: '2.0'; readonly id: string | number; readonly result: Record<string, unknown> }
  | { readonly jsonrpc: '2.0'; readonly id?: string | number | null; readonly error: RpcErrorObject };

export type RpcMessage =
  | { readonly kind: 'request'; readonly message: RpcRequest }
  | { readonly kind: 'notification'; readonly message: RpcNotification }
  | { readonly kind: 'response'; readonly message: RpcResponse };

/**
 * Says what a parsed value is (JSON-RPC 2.0 as MCP narrows it: ids are strings or integers, params an object).
 * @throws SW_REQUEST_INVALID
 */
export function toMessage(value: unknown): RpcMessage {
  if (!isObject(value)) throw invalid('it is not an object');
  if (value['jsonrpc'] !== '2.0') throw invalid('jsonrpc must be "2.0"');
  const { id, method, params } = value;
  if (method !== undefined) {
    if (typeof method !== 'string') throw invalid('method must be a string');
    if (params !== undefined && !isObject(params)) throw invalid('params must be an object');
    if ('result' in value || 'error' in value) throw invalid('a request has no result and no error');
    if (!('id' in value)) return { kind: 'notification', message: value as unknown as RpcNotification };
    if (!isRequestId(id)) throw invalid('id must be a string or an integer');
    return { kind: 'request', message: value as unknown as RpcRequest };
  }
  if ('result' in value !== 'error' in value) {
    if ('result' in value && !isRequestId(id)) throw invalid('id must be a string or an integer');
    if ('result' in value && !isObject(value['result'])) throw invalid('result must be an object');
    if ('error' in value && !isErrorObject(value['error'])) throw invalid('error must have a code and a message');
    if ('error' in value && id !== undefined && id !== null && !isRequestId(id))
      throw invalid('id must be a string or an integer');
    return { kind: 'response', message: value as unknown as RpcResponse };
  }
  throw invalid('it has neither method nor exactly one of result and error');
}

/** A string or an integer that a double holds exactly: any other could not be answered under its own id. */
export const isRequestId = (id: unknown): id is string | number => typeof id === 'string' || Number.isSafeInteger(id);

const isErrorObject = (error: unknown): error is RpcErrorObject =>
  isObject(error) && Number.isInteger(error['code']) && typeof error['message'] === 'string';

const invalid = (reason: string) => fail('SW_REQUEST_INVALID', { reason });

/** A JSON-RPC error received from a peer, thrown so that it reaches the one who asked, unchanged. */
export class PeerError extends Error {
  override readonly name = 'PeerError';
  readonly error: RpcErrorObject;
  /** HTTP status that carried it, where there was one. */
  readonly status: number | undefined;
  constructor(error: RpcErrorObject, status?: number) {
    super(error.message);
    this.error = error;
    this.status = status;
  }
}

/** Our error as a JSON-RPC error object: `data` tells the code, the hint and whether to try again. */
export function toRpcError(error: SeaworthyError, requestId?: string): RpcErrorObject {
  const data: Record<string, unknown> = { ...specificData(error), code: error.code, hint: error.hint };
  if (error.retryable) data['retryable'] = true;
  if (requestId !== undefined) data['requestId'] = requestId;
  return { code: error.entry.rpc, message: error.message, data };
}

/** Members of `data` that the specification names for its own codes, and the caller's way to act. */
function specificData({ details }: SeaworthyError): Record<string, unknown> {
  const data: Record<string, unknown> = {};
  for (const name of [
    'uri',
    'supported',
    'requested',
    'requiredCapabilities',
    'retryAfterSeconds',
    'scopes',
    'tier',
    'limit',
    'windowSeconds',
    'provider',
    'mayHaveRun',
    'safeToRepeat',
    'retryAfterMs',
    'deadline',
    'errors',
  ])
    if (details[name] !== undefined) data[name] = details[name];
  return data;
}
