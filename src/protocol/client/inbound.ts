import { isUtf8 } from 'node:buffer';
import { fail } from '#kernel/errors/index.js';
import {
  isObject,
  isRequestId,
  parseMembers,
  RawResult,
  type Members,
  type MemberSpan,
  type RpcErrorObject,
} from '../jsonrpc/index.js';
import type { JsonObject, RequestId } from '../model/index.js';

/** One message of a peer. A result stays bytes: most are only passed on. */
export type Inbound =
  | { readonly kind: 'result'; readonly id: RequestId; readonly result: RawResult }
  | { readonly kind: 'error'; readonly id: RequestId | undefined; readonly error: RpcErrorObject }
  | { readonly kind: 'request'; readonly id: RequestId; readonly method: string; readonly params: JsonObject }
  | { readonly kind: 'notification'; readonly method: string; readonly params: JsonObject };

const openBracket = 0x5b;
const openBrace = 0x7b;
/** What `null` begins with. */
const smallN = 0x6e;

/**
 * Reads one JSON-RPC text of a peer; an array (revision 2025-03-26 allows batches) gives several messages.
 * @throws SW_JSON_PARSE, SW_JSON_DUPLICATE_KEY, SW_JSON_TOO_DEEP, SW_REQUEST_INVALID
 */
export function readInbound(bytes: Buffer): Inbound[] {
  if (!isUtf8(bytes)) throw fail('SW_JSON_PARSE', { reason: 'it is not UTF-8' });
  if (firstByte(bytes) !== openBracket) return [readOne(bytes)];
  const batch = parse(bytes.toString('utf8'));
  return (batch as unknown[]).map((message) => readOne(Buffer.from(JSON.stringify(message))));
}

function readOne(bytes: Buffer): Inbound {
  const members = parseMembers(bytes);
  const value = (name: string): unknown => {
    const span = members.get(name);
    return span && parse(bytes.toString('utf8', span.start, span.end));
  };
  const id = value('id');
  if (members.has('method')) {
    const method = value('method');
    const params = value('params') ?? {};
    if (typeof method !== 'string' || !isObject(params)) throw invalid('method or params has the wrong type');
    if (id === undefined) return { kind: 'notification', method, params };
    if (!isRequestId(id)) throw invalid('the id is neither string nor integer');
    return { kind: 'request', id, method, params };
  }
  // Some servers write both members and null in the one that does not apply.
  const result = given(bytes, members, 'result');
  if (result && given(bytes, members, 'error')) throw invalid('it has both result and error');
  if (result) {
    if (!isRequestId(id)) throw invalid('the id is neither string nor integer');
    if (bytes[result.start] !== openBrace) throw invalid('the result is no object');
    return { kind: 'result', id, result: new RawResult(bytes.subarray(result.start, result.end)) };
  }
  const error = value('error');
  if (!isObject(error) || typeof error['code'] !== 'number') throw invalid('it is neither request nor response');
  const message = typeof error['message'] === 'string' ? error['message'] : '';
  return { kind: 'error', id: isRequestId(id) ? id : undefined, error: { ...error, code: error['code'], message } };
}

function given(bytes: Buffer, members: Members, name: 'result' | 'error'): MemberSpan | undefined {
  const span = members.get(name);
  return span && bytes[span.start] === smallN ? undefined : span;
}

function firstByte(bytes: Buffer): number | undefined {
  for (const byte of bytes) if (byte > 0x20) return byte;
  return undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw fail('SW_JSON_PARSE', { reason: 'it does not follow the grammar' }, cause);
  }
}

const invalid = (reason: string) => fail('SW_REQUEST_INVALID', { reason });
