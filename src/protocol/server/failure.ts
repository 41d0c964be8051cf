import { toSeaworthyError, type SeaworthyError } from '#kernel/errors/index.js';
import { PeerError, toRpcError, type RpcErrorObject } from '../jsonrpc/index.js';
import type { Family } from '../model/index.js';
import { legacy } from '../revisions/index.js';

/** A failure as the client will see it. */
export interface Failure {
  readonly error: RpcErrorObject;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Our code, `peer` for an error that an upstream answered with. */
  readonly code: string;
}

/**
 * Maps anything thrown to the wire, in one place. Modern: the specification's status table. Legacy: inside a session
 * a JSON-RPC error is HTTP 200, because 404 means "the session is gone" there; limits keep their status.
 */
export function toFailure(thrown: unknown, family: Family, method: string, requestId?: string): Failure {
  if (thrown instanceof PeerError) {
    const error = family === 'legacy' ? legacy.legacyError(method, thrown.error) : thrown.error;
    return { error, status: family === 'modern' ? peerStatus(error.code) : 200, headers: {}, code: 'peer' };
  }
  const ours = toSeaworthyError(thrown);
  const rpc = toRpcError(ours, requestId);
  const { http } = ours.entry;
  const inBand = family === 'legacy' && http !== 429 && http !== 503 && ours.code !== 'SW_REVISION_UNSUPPORTED';
  return {
    error: family === 'legacy' ? legacy.legacyError(method, rpc) : rpc,
    status: inBand || http === 499 || http === 504 || http === 502 || http === 403 ? 200 : http,
    headers: retryHeaders(ours),
    code: ours.code,
  };
}

/** 2026-07-28, transports: the HTTP status that goes with a JSON-RPC error code. */
const peerStatus = (code: number): number =>
  code === -32601 ? 404 : code === -32020 || code === -32021 || code === -32022 ? 400 : 200;

/**
 * When to come back. A refused rate also names its policy, in seconds as the fields demand (draft-ietf-httpapi-
 * ratelimit-headers-10, sections 3 and 4): `q` requests in a window of `w`, `r` left, more after `t`.
 */
export function retryHeaders({ code, details }: SeaworthyError): Readonly<Record<string, string>> {
  const { retryAfterSeconds } = details;
  if (typeof retryAfterSeconds !== 'number') return none;
  const seconds = String(Math.ceil(retryAfterSeconds));
  if (code !== 'SW_RATE_LIMITED') return { 'retry-after': seconds };
  const { tier, limit, windowSeconds } = details;
  return {
    'retry-after': seconds,
    'ratelimit-policy': `"${String(tier)}";q=${Number(limit)};w=${Math.ceil(Number(windowSeconds))}`,
    ratelimit: `"${String(tier)}";r=0;t=${seconds}`,
  };
}

const none = {};
