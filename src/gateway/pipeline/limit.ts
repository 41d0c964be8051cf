import type { Principal } from '#kernel/context/index.js';
import { fail } from '#kernel/errors/index.js';
import type { SharedState } from '#kernel/shared/index.js';
import type { CallLimits, Concurrency } from '../limits/index.js';
import type { Flow } from './flow.js';

/** Takes a token from the principal's bucket. @throws SW_RATE_LIMITED */
export function limitRate(principal: Principal, shared: SharedState, limits: CallLimits): void | Promise<void> {
  const verdict = shared.rates.take(`principal:${principal.id}`, limits.rate);
  if (verdict instanceof Promise) return verdict.then((known) => requireAllowed(known, limits));
  requireAllowed(verdict, limits);
}

function requireAllowed(verdict: { allowed: boolean; retryAfterMs: number }, { rate }: CallLimits): void {
  if (verdict.allowed) return;
  throw fail('SW_RATE_LIMITED', {
    limit: rate.limit,
    windowSeconds: rate.windowMs / 1000,
    retryAfterSeconds: Math.max(1, Math.ceil(verdict.retryAfterMs / 1000)),
  });
}

/** When to try again is a guess where places, not tokens, are short. */
const retryAfterSeconds = 1;

/**
 * Takes a place among the calls of the principal and of the provider; given back through `flow.release`.
 * @throws SW_CONCURRENCY_LIMITED
 */
export function limitConcurrency(flow: Flow, running: Concurrency, limits: CallLimits): void {
  const { target, call } = flow;
  if (!target) return;
  const principal = `principal ${call.scope.principal.id}`;
  const provider = `provider ${target.provider.id}`;
  if (!running.enter(principal, limits.concurrencyPerPrincipal))
    throw fail('SW_CONCURRENCY_LIMITED', {
      limit: limits.concurrencyPerPrincipal,
      scope: 'principal',
      retryAfterSeconds,
    });
  const perProvider = limits.concurrencyOf?.get(target.provider.id) ?? limits.concurrencyPerProvider;
  if (!running.enter(provider, perProvider)) {
    running.leave(principal);
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
