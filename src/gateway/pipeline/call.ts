import { fail, toSeaworthyError } from '#kernel/errors/index.js';
import { taskMethods, type ModelResult } from '#protocol/model/index.js';
import { fulfilInput, type Parking } from '../bridge/index.js';
import type { Invocable, ProviderCall } from '../catalog/index.js';
import type { Run, TaskCalls } from '../tasks/index.js';
import type { CallTarget, Flow } from './flow.js';

/** What a call may need on its way besides its provider. */
export interface CallParts {
  /** Milliseconds that a call may take. */
  readonly timeoutMs: number;
  /** Calls to legacy upstreams that wait for a modern client. */
  readonly parking: Parking;
  readonly tasks: TaskCalls;
}

/**
 * Gives the call to its provider and waits, but never beyond the deadline and never for a client that has gone.
 * @throws SW_DEADLINE_EXCEEDED, SW_CANCELLED and what the provider raises
 */
export function invoke(flow: Flow, target: CallTarget, parts: CallParts): Promise<ModelResult> {
  const { call } = flow;
  const { scope } = call;
  const { timeoutMs } = parts;
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
    start(flow, target, invocation, parts).then(
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
async function start(flow: Flow, target: CallTarget, invocation: ProviderCall, parts: CallParts): Promise<ModelResult> {
  const { provider } = target;
  const { method } = invocation.request;
  const run: Run = (by, call) => across(by, call, parts);
  if (taskMethods.has(method))
    return parts.tasks.follow(provider, invocation, String(flow.call.request.params['taskId']), run);
  return method === 'tools/call' ? parts.tasks.call(provider, target.name, invocation, run) : run(provider, invocation);
}

/** To a provider of either family: its questions reach the client in the words of the client's family. */
function across(provider: Invocable, call: ProviderCall, { parking }: CallParts): Promise<ModelResult> {
  return call.client.family === 'legacy' ? fulfilInput(provider, call) : parking.invoke(provider, call);
}
