import { Counter, Gauge, Registry } from 'prom-client';
import { CallTally, type CallMeter } from './call-tally.js';
import { createChildMetrics, type ChildMetrics } from './child-metrics.js';
import { metricNames } from './names.js';
import { registerProcessMetrics } from './process-metrics.js';

/** All metrics of one server, in a registry of its own: two servers in one process do not mix. */
export interface Metrics {
  /** The meter of a provider and a method; cached, so a caller may also keep it. */
  call(provider: string, method: string): CallMeter;
  /** Counts one answered HTTP request: the cheap form of `httpRequests.inc`, for the hot path. */
  httpRequest(status: number): void;
  readonly httpRequests: Counter<'status'>;
  readonly activeCalls: Gauge;
  /** Calls that wait for the answer of a client. */
  readonly parkedCalls: Gauge;
  /** Bytes of their questions, and of results that they wait with. */
  readonly parkedBytes: Gauge;
  /** Calls that could not wait, or not go on: by cap (`calls`, `principal`, `bytes`, `age`), `closed`, `state`, `expired`. */
  readonly parkedRefused: Counter<'reason'>;
  readonly openStreams: Gauge;
  /** Conditions of access rules that could not be evaluated, and were held against the caller. */
  readonly policyFailures: Counter;
  readonly refusals: Counter<'code'>;
  /** 1 while the state that replicas share can be used, 0 while this process decides alone. */
  readonly sharedUp: Gauge;
  /** Requests beyond a limit, by limit. */
  readonly limited: Counter<'limit'>;
  readonly openConnections: Gauge;
  /** `limit`: which one they were over, `all` or `address`. */
  readonly connectionsRefused: Counter<'limit'>;
  /** End of the certificate of the public listener, seconds since 1970. */
  readonly tlsExpiry: Gauge;
  /** Connections closed because the client did not read. */
  readonly slowClients: Counter;
  /** 1 when the upstream answers, 0 when not. */
  readonly upstreamUp: Gauge<'provider'>;
  readonly upstreamRestarts: Counter<'provider'>;
  /** 0 closed, 1 half-open, 2 open. */
  readonly upstreamCircuit: Gauge<'provider'>;
  readonly upstreamFailures: Counter<'provider' | 'code'>;
  /** `outcome`: made, or refused because the budget was used up. */
  readonly upstreamRetries: Counter<'provider' | 'outcome'>;
  readonly upstreamRejected: Counter<'provider'>;
  readonly upstreamHealed: Counter<'provider'>;
  /** Readings of a provider's lists; `outcome` is `ok` or the code of the failure. */
  readonly listReadings: Counter<'provider' | 'outcome'>;
  /** Attempts to read the configuration again; `outcome` is `ok` or the code of the refusal. */
  readonly configReloads: Counter<'outcome'>;
  /** Audit records that a sink never got. */
  readonly auditDropped: Counter<'sink'>;
  /** 1 while an audit sink takes records, 0 while not. */
  readonly auditSinkUp: Gauge<'sink'>;
  readonly loginFailures: Counter<'reason'>;
  /** Tools, prompts and resources that are held back because they are not in their approved form. */
  readonly pinsQuarantined: Gauge<'provider'>;
  /** Times that one was seen in a form that is not approved. */
  readonly pinDrifts: Counter<'provider'>;
  readonly securityEvents: Counter<'event'>;
  readonly children: ChildMetrics;
  /** Bytes of results held in memory at this moment. */
  readonly resultBytes: Gauge;
  /** Everything in the Prometheus text format. */
  text(): Promise<string>;
  /** The Content-Type that belongs to `text()`. */
  readonly contentType: string;
}

/** What `seaworthy_build_info` says. */
export interface BuildInfo {
  readonly version: string;
}

/** Makes the metrics of one server. Nothing runs between scrapes. */
export function createMetrics(build: BuildInfo = { version: 'unknown' }): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const tally = new CallTally(registry);
  const statuses = new Map<number, number>();
  const httpRequests = new Counter({
    name: metricNames.httpRequests,
    help: 'Answered HTTP requests.',
    labelNames: ['status'],
    registers,
    collect: () => {
      for (const [status, count] of statuses) httpRequests.inc({ status }, count);
      statuses.clear();
    },
  });
  registerBuildInfo(registry, build);
  registerProcessMetrics(registry);
  return {
    call: (provider, method) => tally.meter(provider, method),
    httpRequest: (status) => void statuses.set(status, (statuses.get(status) ?? 0) + 1),
    httpRequests,
    activeCalls: new Gauge({ name: metricNames.activeCalls, help: 'Calls in flight.', registers }),
    parkedCalls: new Gauge({
      name: metricNames.parkedCalls,
      help: 'Calls that wait for the answer of a client.',
      registers,
    }),
    parkedBytes: new Gauge({
      name: metricNames.parkedBytes,
      help: 'Bytes of the questions to clients, and of results that wait for them.',
      registers,
    }),
    parkedRefused: new Counter({
      name: metricNames.parkedRefused,
      help: 'Calls that could not wait for their client, or not go on, by reason.',
      labelNames: ['reason'],
      registers,
    }),
    policyFailures: new Counter({
      name: metricNames.policyFailures,
      help: 'Conditions of access rules that could not be evaluated; the caller was refused.',
      registers,
    }),
    openStreams: new Gauge({ name: metricNames.openStreams, help: 'Open event streams.', registers }),
    sharedUp: new Gauge({
      name: metricNames.sharedUp,
      help: 'Whether the state that replicas share can be used: 1 or 0.',
      registers,
    }),
    limited: new Counter({
      name: metricNames.limited,
      help: 'Requests refused by a limit: a tier of rates, concurrency of a principal or a provider, overload.',
      labelNames: ['limit'],
      registers,
    }),
    openConnections: new Gauge({
      name: metricNames.openConnections,
      help: 'Open connections of clients.',
      registers,
    }),
    connectionsRefused: new Counter({
      name: metricNames.connectionsRefused,
      help: 'Connections refused by the limit that they were over: all, or address.',
      labelNames: ['limit'],
      registers,
    }),
    tlsExpiry: new Gauge({
      name: metricNames.tlsExpiry,
      help: 'End of the TLS certificate, seconds since 1970; 0 without TLS.',
      registers,
    }),
    slowClients: new Counter({
      name: metricNames.slowClients,
      help: 'Connections closed because the client did not read.',
      registers,
    }),
    refusals: new Counter({
      name: metricNames.refusals,
      help: 'Refused requests by error code.',
      labelNames: ['code'],
      registers,
    }),
    upstreamUp: new Gauge({
      name: metricNames.upstreamUp,
      help: 'Whether the provider answers: 1 or 0.',
      labelNames: ['provider'],
      registers,
    }),
    upstreamRestarts: new Counter({
      name: metricNames.upstreamRestarts,
      help: 'Restarts of a provider after a failure.',
      labelNames: ['provider'],
      registers,
    }),
    upstreamCircuit: new Gauge({
      name: metricNames.upstreamCircuit,
      help: 'Circuit breaker of a provider: 0 closed, 1 half-open, 2 open.',
      labelNames: ['provider'],
      registers,
    }),
    upstreamFailures: new Counter({
      name: metricNames.upstreamFailures,
      help: 'Calls that a provider failed, by error code.',
      labelNames: ['provider', 'code'],
      registers,
    }),
    upstreamRetries: new Counter({
      name: metricNames.upstreamRetries,
      help: 'Calls to a provider that were to be repeated: made, or refused by the retry budget.',
      labelNames: ['provider', 'outcome'],
      registers,
    }),
    upstreamRejected: new Counter({
      name: metricNames.upstreamRejected,
      help: 'Calls that an open circuit kept away from a provider.',
      labelNames: ['provider'],
      registers,
    }),
    upstreamHealed: new Counter({
      name: metricNames.upstreamHealed,
      help: 'Sessions that a provider had forgotten and that were made anew.',
      labelNames: ['provider'],
      registers,
    }),
    listReadings: new Counter({
      name: metricNames.listReadings,
      help: 'Readings of the lists of a provider by outcome: ok, or an error code.',
      labelNames: ['provider', 'outcome'],
      registers,
    }),
    configReloads: new Counter({
      name: metricNames.configReloads,
      help: 'Attempts to read the configuration again by outcome: ok, or an error code.',
      labelNames: ['outcome'],
      registers,
    }),
    pinsQuarantined: new Gauge({
      name: metricNames.pinsQuarantined,
      help: 'Tools, prompts and resources of a provider that are held back: not in their approved form.',
      labelNames: ['provider'],
      registers,
    }),
    pinDrifts: new Counter({
      name: metricNames.pinDrifts,
      help: 'Definitions of a provider that were seen in a form that is not approved.',
      labelNames: ['provider'],
      registers,
    }),
    auditDropped: new Counter({
      name: metricNames.auditDropped,
      help: 'Audit records that a sink never got.',
      labelNames: ['sink'],
      registers,
    }),
    auditSinkUp: new Gauge({
      name: metricNames.auditSinkUp,
      help: 'Whether an audit sink takes records: 1 or 0.',
      labelNames: ['sink'],
      registers,
    }),
    loginFailures: new Counter({
      name: metricNames.loginFailures,
      help: 'Credentials that were refused, by the reason that the client is not told.',
      labelNames: ['reason'],
      registers,
    }),
    securityEvents: new Counter({
      name: metricNames.securityEvents,
      help: 'Security events, such as failed logins and refused calls.',
      labelNames: ['event'],
      registers,
    }),
    children: createChildMetrics(registry),
    resultBytes: new Gauge({ name: metricNames.resultBytes, help: 'Bytes of results held in memory.', registers }),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

function registerBuildInfo(registry: Registry, build: BuildInfo): void {
  const info = new Gauge({
    name: metricNames.buildInfo,
    help: 'Always 1; the labels name the build.',
    labelNames: ['version', 'node'],
    registers: [registry],
  });
  info.set({ version: build.version, node: process.version }, 1);
}
