import { CallScope, type Principal } from '#kernel/context/index.js';
import type { Clock } from '#kernel/time/index.js';
import type { Faults } from '#protocol/client/index.js';
import { SeaworthyError } from '#kernel/errors/index.js';

/** Who calls where no client does. */
const gatewayPrincipal: Principal = { id: 'gateway', kind: 'local', name: 'gateway', roles: [] };

/** A scope for a request of our own (lists, handshakes, subscriptions). */
export const ownScope = (): CallScope => new CallScope('gateway', gatewayPrincipal, performance.now());

/** Does `work` in a scope of its own that is cancelled after `timeoutMs`. @throws SW_UPSTREAM_UNAVAILABLE then */
export async function within<Value>(
  { clock, faults }: { readonly clock: Clock; readonly faults: Faults },
  timeoutMs: number,
  work: (scope: CallScope) => Promise<Value>,
): Promise<Value> {
  const scope = ownScope();
  const timer = clock.after(timeoutMs, () => scope.cancel('deadline'));
  try {
    return await work(scope);
  } catch (thrown) {
    if (thrown instanceof SeaworthyError && thrown.code === 'SW_DEADLINE_EXCEEDED')
      throw faults.unavailable(`no answer within ${String(timeoutMs)} ms`, thrown);
    throw thrown;
  } finally {
    timer.cancel();
  }
}
