import { Counter, Gauge, type Registry } from 'prom-client';
import { metricNames } from './names.js';

/** States of an upstream's children, as `seaworthy_upstream_state` names them. */
export const childStates = ['idle', 'running', 'backoff', 'crash-loop'] as const;
export type ChildState = (typeof childStates)[number];

/** What is told of child processes and of the sessions on them, per provider. */
export interface ChildMetrics {
  readonly processes: Gauge<'provider'>;
  /** 1 for the state that it is in, 0 for the others. */
  readonly state: Gauge<'provider' | 'state'>;
  /** Children that we ended: `idle`, `evicted` for the sake of another one, or over the limit of `memory`. */
  readonly stops: Counter<'provider' | 'reason'>;
  /** Calls turned away by the limit named: `processes`, or `leases` where too many waited for a session of their own. */
  readonly refusals: Counter<'provider' | 'limit'>;
  /** Questions of a server that named no call while several were open: `held`, then `resolved` or `refused`. */
  readonly heldQuestions: Counter<'provider' | 'outcome'>;
  /** Lines of stderr above the rate that is logged. */
  readonly stderrDropped: Counter<'provider'>;
}

export function createChildMetrics(registry: Registry): ChildMetrics {
  const registers = [registry];
  return {
    processes: new Gauge({
      name: metricNames.upstreamProcesses,
      help: 'Child processes of the provider.',
      labelNames: ['provider'],
      registers,
    }),
    state: new Gauge({
      name: metricNames.upstreamState,
      help: 'State of the child processes: 1 for the state that holds.',
      labelNames: ['provider', 'state'],
      registers,
    }),
    stops: new Counter({
      name: metricNames.upstreamStops,
      help: 'Child processes that were ended, by reason.',
      labelNames: ['provider', 'reason'],
      registers,
    }),
    refusals: new Counter({
      name: metricNames.upstreamRefusals,
      help: 'Calls that a limit on processes or leases turned away.',
      labelNames: ['provider', 'limit'],
      registers,
    }),
    heldQuestions: new Counter({
      name: metricNames.upstreamHeldQuestions,
      help: 'Questions of the server that several calls may have caused, by outcome.',
      labelNames: ['provider', 'outcome'],
      registers,
    }),
    stderrDropped: new Counter({
      name: metricNames.upstreamStderrDropped,
      help: 'Lines of stderr that came too fast for the log.',
      labelNames: ['provider'],
      registers,
    }),
  };
}
