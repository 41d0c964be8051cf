import { fail } from '#kernel/errors/index.js';
import type { ModelResult } from '#protocol/model/index.js';
import { fulfilInput } from '../bridge/index.js';
import type { CallTarget, Flow } from './flow.js';

/**
 * Gives the call to its provider and waits, but never beyond the deadline and never for a client that has gone.
 * @throws SW_DEADLINE_EXCEEDED, SW_CANCELLED and what the provider raises
 */
export function invoke(flow: Flow, target: CallTarget, timeoutMs: number): Promise<ModelResult> {
  const { call } = flow;
  const { scope } = call;
  const invocation = {
    request: { method: call.request.method, params: target.params, argumentsText: call.request.argumentsText },
    client: call.client,
    scope,
    channel: call.channel,
    session: call.session,
  };
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(fail('SW_DEADLINE_EXCEEDED', { timeoutMs }));
      scope.cancel('deadline');
    }, timeoutMs);
    scope.onCancel((reason) => {
      clearTimeout(timer);
      reject(reason === 'deadline' ? fail('SW_DEADLINE_EXCEEDED', { timeoutMs }) : fail('SW_CANCELLED'));
    });
    const work =
      call.client.family === 'legacy' ? fulfilInput(target.provider, invocation) : target.provider.invoke(invocation);
    work.then(
      (result) => {
        clearTimeout(timer);
        resolve(result);
      },
      (error: Error) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}
