import type { Family } from '#protocol/model/index.js';

/** How a call ended. `tool_error` is a result with `isError`. */
export type Outcome = 'ok' | 'tool_error' | 'refused' | 'cancelled' | 'timeout' | 'error';

/** One line of the audit log: who did what, when, and how it ended. Never holds arguments, results or credentials. */
export interface AuditRecord {
  /** Epoch milliseconds; written as ISO 8601, UTC. */
  readonly time: number;
  readonly requestId: string;
  readonly principal: string;
  readonly family: Family;
  readonly revision: string;
  readonly method: string;
  readonly provider: string | undefined;
  /** The provider's own name or URI of the target; of a refused call what the client asked for, cut at 256 characters. */
  readonly target: string | undefined;
  readonly outcome: Outcome;
  /** Our error code, `peer` for an upstream's own error. */
  readonly code: string | undefined;
  readonly durationMs: number;
  readonly bytesIn: number;
}

/** Takes records off the path of a call: `write` never waits and never throws. */
export interface AuditSink {
  write(record: AuditRecord): void;
  /** Resolves when everything written so far is on disk. */
  flush(): Promise<void>;
  close(): Promise<void>;
}
