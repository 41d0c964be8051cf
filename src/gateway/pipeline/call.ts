import { fail, toSeaworthyError } from '#kernel/errors/index.js';
import { interactiveMethods, type ModelResult } from '#protocol/model/index.js';
import { fulfilInput, type Parking } from '../bridge/index.js';
import type { ProviderCall } from '../catalog/index.js';
import type { CallTarget, Flow } from './flow.js';

/**
 * Gives the call to its provider and waits, but never beyond the deadline and never for a client that has gone.
 * @throws SW_DEADLINE_EXCEEDED, SW_CANCELLED and what the provider raises
 */
export function invoke(flow: Flow, target: CallTarget, timeoutMs: number, parking: Parking): Promise<ModelResult> {
  const { call } = flow;
  const { scope } = call;
  const invocation = {
    request: { method: call.request.method, params: target.params, argumentsText: call.request.argumentsText },
    client: call.client,
    scope,
    channel: call.channel,
    session: call.session,
  };
  // The client may have gone while the call waited for its turn.
  if (scope.cancelled) return Promise.reject(fail('SW_CANCELLED'));
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(fail('SW_DEADLINE_EXCEEDED', { timeoutMs }));
      scope.cancel('deadline');
    }, timeoutMs);
    scope.onCancel((reason) => {
      clearTimeout(timer);
      reject(reason === 'deadline' ? fail('SW_DEADLINE_EXCEEDED', { timeoutMs }) : fail('SW_CANCELLED'));
    });
    start(target, invocation, parking).then(
      (result) => {
        clearTimeout(timer);
        resolve(result);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error instanceof Error ? error : toSeaworthyError(error));
      },
    );
  });
}

/** Asynchronous, so that what a provider throws before its first wait is a rejection like any other. */
async function start({ provider }: CallTarget, invocation: ProviderCall, parking: Parking): Promise<ModelResult> {
  if (invocation.client.family === 'legacy') return fulfilInput(provider, invocation);
  return interactiveMethods.has(invocation.request.method)
    ? parking.invoke(provider, invocation)
    : provider.invoke(invocation);
}
