import type { Sealer } from '#kernel/secrets/index.js';
import type { Logger } from '#kernel/telemetry/index.js';
import type { Clock } from '#kernel/time/index.js';
import { fail, toSeaworthyError, type SeaworthyError } from '#kernel/errors/index.js';
import type { JsonObject, ModelResult } from '#protocol/model/index.js';
import type { ProviderCall } from '#gateway/catalog/index.js';
import type { RunningCall } from './call.js';
import { missingCapabilities, type InputRequired } from './input-request.js';
import { openState, sealState, type CallState, type StateBinding } from './request-state.js';

/** What answering a call needs of the module it belongs to. */
export interface Runtime {
  readonly id: string;
  readonly log: Logger;
  readonly clock: Clock;
  readonly sealer: Sealer;
}

/** Binds the state of a call to who calls what with which arguments. */
export function bindingOf(runtime: Runtime, call: ProviderCall, name: string, args: JsonObject): StateBinding {
  return {
    principalId: call.scope.principal.id,
    target: `${runtime.id} ${call.request.method} ${name}`,
    args,
  };
}

/**
 * Takes up the state of the round before, where there was one.
 * @throws SW_STATE_INVALID
 */
export function resumeRound(
  runtime: Runtime,
  call: ProviderCall,
  running: RunningCall,
  binding: StateBinding,
): CallState {
  const token = call.request.params['requestState'];
  if (token === undefined) return firstRound;
  const state = openState(runtime.sealer, binding, token, runtime.clock.now());
  running.resume(state.value);
  return state;
}

const firstRound: CallState = { value: undefined };

/**
 * The result that asks the client.
 * @throws SW_CAPABILITY_MISSING where it did not declare that it can answer
 */
export function askingResult(
  runtime: Runtime,
  call: ProviderCall,
  binding: StateBinding,
  { requests, state }: InputRequired,
  confirmation?: CallState['confirmation'],
): ModelResult {
  const missing = missingCapabilities(call.client, requests);
  if (missing) throw missing;
  const result: JsonObject = { resultType: 'input_required' };
  const asks = Object.keys(requests).length > 0;
  if (asks) result['inputRequests'] = requests;
  // A result with neither requests nor state would be invalid: an empty question means "call again later".
  if (state !== undefined || confirmation !== undefined || !asks)
    result['requestState'] = sealState(runtime.sealer, binding, { value: state, confirmation }, runtime.clock.now());
  return result;
}

/** The error of a prompt or resource: ours as it is, anything else logged as a bug of the module. */
export function failureOf(runtime: Runtime, call: ProviderCall, thrown: unknown): SeaworthyError {
  if (call.scope.cancelled) return fail('SW_CANCELLED', {}, thrown);
  const error = toSeaworthyError(thrown);
  if (error.kind === 'bug')
    runtime.log.error({ err: error, method: call.request.method, requestId: call.scope.id }, 'module failed');
  return error;
}
