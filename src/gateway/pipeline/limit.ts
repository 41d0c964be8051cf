import { fail } from '#kernel/errors/index.js';
import type { CallLimits, Concurrency, RateLimits } from '../limits/index.js';
import type { Flow } from './flow.js';
import type { Recorder } from './record.js';

/** Tokens of the rules that name the tool, once it is known which tool a call means. @throws SW_RATE_LIMITED */
export function limitTool({ target, call }: Flow, rates: RateLimits): void | Promise<void> {
  if (target?.kind === 'tool') return rates.tool(call.scope.principal.id, target.provider.id, target.name);
}

/** When to try again is a guess where places, not tokens, are short. */
const retryAfterSeconds = 1;

/**
 * Takes a place among the calls of the principal and of the provider; given back through `flow.release`.
 * @throws SW_CONCURRENCY_LIMITED
 */
export function limitConcurrency(flow: Flow, running: Concurrency, limits: CallLimits, { metrics }: Recorder): void {
  const { target, call } = flow;
  if (!target) return;
  const principal = `principal ${call.scope.principal.id}`;
  const provider = `provider ${target.provider.id}`;
  if (!running.enter(principal, limits.concurrencyPerPrincipal)) {
    metrics.limited.inc({ limit: 'concurrency_principal' });
    throw fail('SW_CONCURRENCY_LIMITED', {
      limit: limits.concurrencyPerPrincipal,
      scope: 'principal',
      retryAfterSeconds,
    });
  }
  const perProvider = limits.concurrencyOf?.get(target.provider.id) ?? limits.concurrencyPerProvider;
  if (!running.enter(provider, perProvider)) {
    running.leave(principal);
    metrics.limited.inc({ limit: 'concurrency_provider' });
    throw fail('SW_CONCURRENCY_LIMITED', {
      limit: perProvider,
      scope: 'provider',
      retryAfterSeconds,
    });
  }
  flow.release = () => {
    running.leave(principal);
    running.leave(provider);
  };
}
