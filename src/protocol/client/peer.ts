import type { CallScope } from '#kernel/context/index.js';
import { fail, type SeaworthyError } from '#kernel/errors/index.js';
import type { RawResult } from '../jsonrpc/index.js';
import type { Channel, JsonObject, LogLevel, ModelNotification, ModelRequest, SessionRef } from '../model/index.js';

/** One request on its way out; `request.params` is already in the form of the peer's revision. */
export interface OutboundCall {
  readonly request: ModelRequest;
  readonly scope: CallScope;
  /** Absent for requests of our own: nothing is relayed and nobody can be asked. */
  readonly channel?: Channel | undefined;
  /** The legacy session it comes from, to attribute what a shared connection sends without naming a call. */
  readonly session?: SessionRef | undefined;
  /** The client wants log messages of the call from this level on. */
  readonly logLevel?: LogLevel | undefined;
  /** HTTP only: further header lines, name and value in turn. */
  readonly headers?: readonly string[] | undefined;
}

/** The other end of a connection. */
export interface Peer {
  /**
   * Sends a request under an id and a progress token of this hop. Notifications of the call reach its channel in
   * order and before the promise settles. Rejects with PeerError, SW_UPSTREAM_*, SW_RESULT_TOO_LARGE, SW_CANCELLED
   * or SW_DEADLINE_EXCEEDED.
   */
  request(call: OutboundCall): Promise<RawResult>;
  notify(method: string, params: JsonObject): void;
}

/** What a peer says outside of any call. */
export type Unattributed = (notification: ModelNotification) => void;

/** What more is known of a failure. */
export interface FaultDetails {
  /** Which deadline has passed. */
  readonly deadline?: 'connect' | 'headers' | 'idle' | undefined;
  /** When the server wants to be asked again, milliseconds from now. */
  readonly retryAfterMs?: number | undefined;
}

/** The failures of one upstream, named after it. Their data says whether the call may have run there. */
export interface Faults {
  unavailable(reason: string, cause?: unknown, details?: FaultDetails): SeaworthyError;
  lost(reason: string, cause?: unknown, details?: FaultDetails): SeaworthyError;
  /** `status`: where an HTTP answer was the reason. */
  protocol(reason: string, cause?: unknown, status?: number): SeaworthyError;
  refused(status: number): SeaworthyError;
  /** `location`: without its query, which may be a secret. */
  redirected(status: number, location: string): SeaworthyError;
}

/** `credentials`: names of the headers that we were told to send, for the operator to know which one is refused. */
export const faultsOf = (provider: string, credentials: readonly string[] = []): Faults => ({
  unavailable: (reason, cause, details) =>
    fail('SW_UPSTREAM_UNAVAILABLE', { provider, reason, mayHaveRun: false, ...details }, cause),
  lost: (reason, cause, details) => fail('SW_UPSTREAM_LOST', { provider, reason, mayHaveRun: true, ...details }, cause),
  protocol: (reason, cause, status = 0) =>
    fail('SW_UPSTREAM_PROTOCOL', { provider, reason, status, mayHaveRun: status < 300 || status >= 500 }, cause),
  refused: (status) => {
    const credential = credentials.length > 0 ? `header ${credentials.join(', ')}` : 'none is configured';
    return fail('SW_UPSTREAM_REFUSED', { provider, status, credential, mayHaveRun: false });
  },
  redirected: (status, location) => fail('SW_UPSTREAM_REDIRECTED', { provider, status, location, mayHaveRun: false }),
});

/** Why a cancelled call is rejected. */
export function cancelledError(scope: CallScope): SeaworthyError {
  if (scope.cancelled !== 'deadline') return fail('SW_CANCELLED');
  return fail('SW_DEADLINE_EXCEEDED', { timeoutMs: Math.round(performance.now() - scope.startedAt) });
}

/** Things that concern every user of an upstream, whichever stream they arrive on. */
export const isGlobalNotification = (method: string): boolean =>
  method === 'notifications/tools/list_changed' ||
  method === 'notifications/prompts/list_changed' ||
  method === 'notifications/resources/list_changed' ||
  method === 'notifications/resources/updated';

/** Hands a notification to the call it belongs to, under the token that the caller chose. */
export function relay(call: OutboundCall, notification: ModelNotification): void {
  // It names a question by the id that it has on the hop to the server; beyond, another may have that id.
  if (notification.method === 'notifications/cancelled') return;
  if (notification.method !== 'notifications/progress') return call.channel?.notify(notification);
  const progressToken = progressTokenOf(call.request.params);
  if (progressToken === undefined) return;
  call.channel?.notify({ method: notification.method, params: { ...notification.params, progressToken } });
}

/** The caller's own progress token, where it wants progress. */
export function progressTokenOf(params: JsonObject): string | number | undefined {
  const token = (params['_meta'] as JsonObject | undefined)?.['progressToken'];
  return typeof token === 'string' || typeof token === 'number' ? token : undefined;
}
