import type { KnownSecrets } from '#kernel/secrets/index.js';
import { keptArguments, type ArgumentsMode } from './arguments.js';
import type { AuditRecord } from './record.js';

const maxNameLength = 256;

/**
 * The members of a record as they are kept, in the order of `docs/reference/audit.md`; what is undefined is left out.
 * Texts that a client chose are cut at 256 characters, and known secrets in them are masked.
 */
export function encodedRecord(record: AuditRecord, mode: ArgumentsMode, secrets: KnownSecrets) {
  const { principal, origin } = record;
  const text = (value: string | undefined): string | undefined =>
    value === undefined ? undefined : secrets.mask(value).slice(0, maxNameLength);
  return {
    kind: record.kind,
    event: record.event,
    requestId: record.requestId,
    traceId: traceIdOf(record.traceparent),
    principal: principal && { id: text(principal.id), kind: principal.kind, name: text(principal.name) },
    address: origin?.address,
    transport: origin?.transport,
    family: record.family,
    revision: record.revision,
    route: record.route,
    method: text(record.method),
    provider: record.provider,
    name: text(record.name),
    shown: record.shown === record.name ? undefined : text(record.shown),
    pin: record.pin,
    arguments: keptArguments(record.arguments, mode, secrets),
    outcome: record.outcome,
    code: record.code,
    bytesIn: record.bytesIn,
    bytesOut: record.bytesOut,
    queueMs: rounded(record.queueMs),
    upstreamMs: rounded(record.upstreamMs),
    durationMs: rounded(record.durationMs),
    detail: record.detail,
  };
}

/** The members of a record, before it has a place in the chain. */
export type KeptRecord = ReturnType<typeof encodedRecord>;

/** Microseconds are enough. */
const rounded = (ms: number | undefined): number | undefined =>
  ms === undefined ? undefined : Math.round(ms * 1000) / 1000;

/** The second field of a W3C traceparent; what is not well-formed is the client's invention. */
const traceIdOf = (traceparent: string | undefined): string | undefined =>
  traceparent === undefined ? undefined : /^[0-9a-f]{2}-([0-9a-f]{32})-/.exec(traceparent)?.[1];
