import { SeaworthyError } from '#kernel/errors/index.js';
import { PeerError, RawResult } from '#protocol/jsonrpc/index.js';
import type { JsonObject, ModelResult } from '#protocol/model/index.js';
import type { Metrics } from '#kernel/telemetry/index.js';
import type { AuditSink, Outcome } from '../audit/index.js';
import type { Listener } from '#protocol/server/index.js';
import type { Flow } from './flow.js';

export interface Recorder {
  readonly audit: AuditSink;
  readonly metrics: Metrics;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** What always runs, on errors and refusals too: the audit record and the metrics of one call. */
export function recordEnd(recorder: Recorder, flow: Flow, result: ModelResult | undefined, error: unknown): void {
  const { call, target } = flow;
  const outcome = result === undefined ? outcomeOf(error) : failed(result) ? 'tool_error' : 'ok';
  const durationMs = performance.now() - call.scope.startedAt;
  const provider = target?.provider.id ?? call.route.provider;
  recorder.metrics.call(provider ?? 'all', call.request.method).done(outcome, durationMs / 1000);
  recorder.audit.write({
    time: recorder.now(),
    requestId: call.scope.id,
    principal: call.scope.principal.id,
    family: call.client.family,
    revision: call.client.revision,
    method: call.request.method,
    provider,
    target: target?.name ?? attempted(call.request.params),
    outcome,
    code: codeOf(error),
    durationMs: Math.round(durationMs * 1000) / 1000,
    bytesIn: call.bytesIn,
  });
}

/** The audit record of interests that outlive a request; a refusal is recorded like that of a call. */
export function recordListen(
  recorder: Recorder,
  { principal, client, route }: Listener,
  acknowledged: Promise<unknown>,
): void {
  const startedAt = performance.now();
  const write = (outcome: Outcome, error: unknown) => {
    const durationMs = performance.now() - startedAt;
    recorder.metrics.call(route.provider ?? 'all', listenMethod).done(outcome, durationMs / 1000);
    recorder.audit.write({
      time: recorder.now(),
      requestId: '',
      principal: principal.id,
      family: client.family,
      revision: client.revision,
      method: listenMethod,
      provider: route.provider,
      target: undefined,
      outcome,
      code: codeOf(error),
      durationMs: Math.round(durationMs * 1000) / 1000,
      bytesIn: 0,
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

const listenMethod = 'subscriptions/listen';

/** What a refused call asked for, as the client wrote it: who tried what is what an audit is for. */
function attempted({ name, uri }: JsonObject): string | undefined {
  const named = name ?? uri;
  return typeof named === 'string' ? named.slice(0, maxAttemptedLength) : undefined;
}

const maxAttemptedLength = 256;

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
