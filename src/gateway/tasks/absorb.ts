import { CallScope } from '#kernel/context/index.js';
import { fail, reasonOf } from '#kernel/errors/index.js';
import type { Logger } from '#kernel/telemetry/index.js';
import { isObject, PeerError, RawResult, type RpcErrorObject } from '#protocol/jsonrpc/index.js';
import { extension, withExtension, type JsonObject, type ModelResult } from '#protocol/model/index.js';
import { askClient, firstUnanswerable, pause, unanswerable } from '../bridge/index.js';
import type { Invocable, ProviderCall } from '../catalog/index.js';

/** How often a task is looked at where its server does not say, and the bounds of what it says, milliseconds. */
const defaultPollMs = 1_000;
const minPollMs = 50;
const maxPollMs = 10_000;
/** How long a server may take to hear that a task is not wanted any more, milliseconds. */
const cancelTimeoutMs = 10_000;

/**
 * Waits for a task on behalf of a client that knows no tasks: looks at it until it has ended, asks the client what the
 * task asks, and returns the result as the answer of the call. When the call is cancelled, so is the task.
 *
 *   working --tasks/get--> working, completed, failed, cancelled
 *   input_required --requests to the client, tasks/update--> working
 *
 * @throws SW_CANCELLED, SW_TASK_CANCELLED, PeerError for a task that failed, and what the provider raises
 */
export async function absorbTask(
  provider: Invocable,
  given: ProviderCall,
  created: ModelResult,
  logger: Logger,
): Promise<ModelResult> {
  const call = declaring(given);
  let state = new TaskState(created);
  const { taskId } = state;
  const request = (method: string, more: JsonObject = {}) =>
    provider.invoke({ ...call, request: { method, params: { taskId, ...more } } });
  const stop = call.scope.onCancel(() => cancelTask(provider, call, taskId, logger));
  const answered = new Set<string>();
  try {
    for (;;) {
      if (state.ended) return outcomeOf(state);
      const asked = state.status === 'input_required' ? unanswered(state, answered) : {};
      const keys = Object.keys(asked);
      if (keys.length > 0) {
        const refusal = firstUnanswerable(asked, call);
        if (refusal !== undefined) {
          cancelTask(provider, call, taskId, logger);
          return unanswerable(call, refusal);
        }
        await request('tasks/update', { inputResponses: await askClient(asked, call) });
        for (const key of keys) answered.add(key);
      } else await pause(call, state.pollMs);
      if (call.scope.cancelled) throw fail('SW_CANCELLED');
      state = new TaskState(await request('tasks/get'));
    }
  } finally {
    stop();
  }
}

/** The call of a client that knows tasks: the gateway does, on behalf of one that does not. */
export const declaring = (call: ProviderCall): ProviderCall => ({
  ...call,
  client: { ...call.client, capabilities: withExtension(call.client.capabilities, extension.tasks) },
});

/** What a server says of a task, at one time. */
class TaskState {
  readonly #said: RawResult;

  constructor(said: ModelResult) {
    this.#said = said instanceof RawResult ? said : RawResult.of(said);
  }

  get taskId(): string {
    return String(this.#said.get('taskId'));
  }
  get status(): unknown {
    return this.#said.get('status');
  }
  get ended(): boolean {
    return this.status === 'completed' || this.status === 'failed' || this.status === 'cancelled';
  }
  /** Milliseconds to wait before the task is looked at again. */
  get pollMs(): number {
    const said = this.#said.get('pollIntervalMs');
    return typeof said === 'number' ? Math.min(Math.max(said, minPollMs), maxPollMs) : defaultPollMs;
  }
  get inputRequests(): JsonObject {
    const asked = this.#said.get('inputRequests');
    return isObject(asked) ? asked : {};
  }
  /** The result of a completed task, byte for byte. */
  get result(): RawResult | undefined {
    return this.#said.inner('result');
  }
  get error(): RpcErrorObject {
    const given = this.#said.get('error');
    if (!isObject(given) || typeof given['code'] !== 'number') return { code: -32603, message: 'The task failed.' };
    return { ...given, code: given['code'], message: typeof given['message'] === 'string' ? given['message'] : '' };
  }
}

/** The keys of a task are unique for its life: one that was answered is not asked again, however late it goes. */
const unanswered = ({ inputRequests }: TaskState, answered: ReadonlySet<string>): JsonObject =>
  Object.fromEntries(Object.entries(inputRequests).filter(([key]) => !answered.has(key)));

function outcomeOf(state: TaskState): ModelResult {
  if (state.status === 'cancelled') throw fail('SW_TASK_CANCELLED');
  if (state.status === 'failed') throw new PeerError(state.error);
  return state.result ?? { content: [] };
}

/** Tells the server that nobody waits any more. Cooperative: a refusal changes nothing for the caller. */
export function cancelTask(provider: Invocable, call: ProviderCall, taskId: string, logger: Logger): void {
  const { id, principal, traceparent } = call.scope;
  const scope = new CallScope(id, principal, performance.now(), traceparent);
  const timer = setTimeout(() => scope.cancel('deadline'), cancelTimeoutMs);
  provider
    .invoke({ ...call, scope, channel: { notify: () => {} }, request: { method: 'tasks/cancel', params: { taskId } } })
    .catch((thrown: unknown) => {
      logger.info({ provider: provider.id, reason: reasonOf(thrown) }, 'a task could not be cancelled');
    })
    .finally(() => clearTimeout(timer));
}
