import type { Origin } from '#kernel/context/index.js';
import { SeaworthyError } from '#kernel/errors/index.js';
import { isObject, PeerError, RawResult } from '#protocol/jsonrpc/index.js';
import type { JsonObject, ModelResult } from '#protocol/model/index.js';
import type { Metrics } from '#kernel/telemetry/index.js';
import type { AuditWriter, Outcome } from '../audit/index.js';
import type { Credentials, EndedSession, Listener } from '#protocol/server/index.js';
import type { Catalog } from '../catalog/index.js';
import type { Flow } from './flow.js';

export interface Recorder {
  readonly audit: AuditWriter;
  readonly metrics: Metrics;
  /** Hash of the definition of a target, where definitions are pinned. */
  readonly pinOf: Catalog['pinOf'];
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** Nothing is done that could not be recorded. @throws SW_AUDIT_UNAVAILABLE */
export function requireAudit({ audit }: Recorder): void {
  if (audit.refusal) throw audit.refusal;
}

/** What always runs, on errors and refusals too: the audit record and the metrics of one call. */
export function recordEnd(recorder: Recorder, flow: Flow, result: ModelResult | undefined, error: unknown): void {
  const { call, target, invokedAt, answeredAt } = flow;
  const { scope, client, request } = call;
  const outcome = result === undefined ? outcomeOf(error) : failed(result) ? 'tool_error' : 'ok';
  const endedAt = performance.now();
  const provider = target?.provider.id ?? call.route.provider;
  recorder.metrics.call(provider ?? 'all', request.method).done(outcome, (endedAt - scope.startedAt) / 1000);
  recorder.audit.write({
    kind: 'call',
    time: recorder.now(),
    requestId: scope.id,
    traceparent: scope.traceparent,
    principal: scope.principal,
    origin: scope.origin,
    family: client.family,
    revision: client.revision,
    route: call.route.provider,
    method: request.method,
    provider,
    name: target?.name,
    shown: askedFor(request.params),
    pin: target && recorder.pinOf(target.provider.id, target.kind, target.name),
    arguments: argumentsOf(request.params),
    outcome,
    code: codeOf(error),
    bytesIn: call.bytesIn,
    bytesOut: flow.bytesOut,
    queueMs: invokedAt === undefined ? undefined : invokedAt - scope.startedAt,
    upstreamMs: invokedAt === undefined ? undefined : (answeredAt ?? endedAt) - invokedAt,
    durationMs: endedAt - scope.startedAt,
  });
}

/** The audit record of interests that outlive a request; a refusal is recorded like that of a call. */
export function recordListen(recorder: Recorder, listener: Listener, acknowledged: Promise<unknown>): void {
  const startedAt = performance.now();
  const { principal, client, route, origin } = listener;
  const write = (outcome: Outcome, error: unknown) => {
    const durationMs = performance.now() - startedAt;
    recorder.metrics.call(route.provider ?? 'all', listenMethod).done(outcome, durationMs / 1000);
    recorder.audit.write({
      kind: 'listen',
      time: recorder.now(),
      principal,
      origin,
      family: client.family,
      revision: client.revision,
      route: route.provider,
      method: listenMethod,
      provider: route.provider,
      outcome,
      code: codeOf(error),
      durationMs,
    });
  };
  acknowledged.then(
    () => {
      write('ok', undefined);
    },
    (error: unknown) => {
      write(outcomeOf(error), error);
    },
  );
}

/** A credential that was not accepted. The credential itself is never part of a record. */
export function recordLoginFailure(recorder: Recorder, { transport, address }: Credentials, error: unknown): void {
  const origin: Origin = { transport, address };
  const code = codeOf(error);
  const outcome = outcomeOf(error);
  recorder.audit.write({ kind: 'security', event: 'login.failed', time: recorder.now(), origin, outcome, code });
}

/** A session that its client has ended. */
export function recordSessionEnd(recorder: Recorder, { principal, client, route, origin }: EndedSession): void {
  recorder.audit.write({
    kind: 'security',
    event: 'session.ended',
    time: recorder.now(),
    principal,
    origin,
    family: client.family,
    revision: client.revision,
    route: route.provider,
    outcome: 'ok',
  });
}

const listenMethod = 'subscriptions/listen';

/** The name or URI as the client wrote it: who tried what is what an audit is for. */
function askedFor({ name, uri, ref }: JsonObject): string | undefined {
  const named = name ?? uri;
  if (typeof named === 'string') return named;
  return isObject(ref) ? askedFor({ name: ref['name'], uri: ref['uri'] }) : undefined;
}

function argumentsOf(params: JsonObject): JsonObject | undefined {
  const given = params['arguments'] ?? params['argument'];
  return isObject(given) ? given : undefined;
}

const failed = (result: ModelResult): boolean =>
  result instanceof RawResult ? result.has('isError') && result.get('isError') === true : result['isError'] === true;

const codeOf = (error: unknown): string | undefined =>
  error === undefined
    ? undefined
    : error instanceof SeaworthyError
      ? error.code
      : error instanceof PeerError
        ? 'peer'
        : 'SW_INTERNAL';

function outcomeOf(error: unknown): Outcome {
  if (!(error instanceof SeaworthyError)) return 'error';
  if (error.code === 'SW_DEADLINE_EXCEEDED') return 'timeout';
  if (error.code === 'SW_CANCELLED') return 'cancelled';
  return error.kind === 'caller' ? 'refused' : 'error';
}
