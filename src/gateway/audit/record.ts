import type { Origin, Principal } from '#kernel/context/index.js';
import type { Family, JsonObject } from '#protocol/model/index.js';
import type { SecurityEvent } from './security-events.js';

/**
 * How it ended. `ok` and `tool_error` (a result with `isError`) were allowed, `refused` was denied; the rest was allowed
 * and failed.
 */
export type Outcome = 'ok' | 'tool_error' | 'refused' | 'cancelled' | 'timeout' | 'error';

/**
 * One decision: who asked for what, when, and how it ended. What is kept of it and under which names is
 * `docs/reference/audit.md`. Made on the path of a call, so it holds references and does no work; the writer turns it
 * into text later.
 */
export interface AuditRecord {
  readonly kind: 'call' | 'listen' | 'api' | 'security';
  /** Epoch milliseconds. */
  readonly time: number;
  readonly outcome: Outcome;
  /** What happened, where it was no call. */
  readonly event?: SecurityEvent | undefined;
  readonly requestId?: string | undefined;
  /** W3C `traceparent` of the request. */
  readonly traceparent?: string | undefined;
  readonly principal?: Pick<Principal, 'id' | 'kind' | 'name'> | undefined;
  readonly origin?: Origin | undefined;
  readonly family?: Family | undefined;
  readonly revision?: string | undefined;
  /** Provider of the address that was called; undefined for `/mcp`. */
  readonly route?: string | undefined;
  readonly method?: string | undefined;
  readonly provider?: string | undefined;
  /** The provider's own name or URI of the target. */
  readonly name?: string | undefined;
  /** The name or URI that the client used. */
  readonly shown?: string | undefined;
  /** Approved hash of the definition that was called. */
  readonly pin?: string | undefined;
  /** As they came. Only their shape or a redacted copy is kept. */
  readonly arguments?: JsonObject | undefined;
  /** Our error code, `peer` for an upstream's own error. */
  readonly code?: string | undefined;
  readonly bytesIn?: number | undefined;
  /** Size of the result as far as it was measured; of an object made in process a lower bound. */
  readonly bytesOut?: number | undefined;
  /** From arrival to the provider. */
  readonly queueMs?: number | undefined;
  readonly upstreamMs?: number | undefined;
  readonly durationMs?: number | undefined;
  /** What else belongs to an event: the id of a key, a number of records. */
  readonly detail?: Readonly<Record<string, string | number>> | undefined;
}
