import { CallScope } from '#kernel/context/index.js';
import { fail } from '#kernel/errors/index.js';
import type { Logger } from '#kernel/telemetry/index.js';
import { isObject, PeerError, RawResult } from '#protocol/jsonrpc/index.js';
import { meta, offersLegacyTasks, type JsonObject, type ModelResult } from '#protocol/model/index.js';
import type { Parking } from '../bridge/index.js';
import type { Invocable, ProviderCall, ProviderSnapshot } from '../catalog/index.js';
import { cancelTask } from './absorb.js';

/** How long a server is asked to keep a task, milliseconds; it decides. */
const requestedTtlMs = 3_600_000;
/** How long `tasks/get` waits for questions that the server says it has, milliseconds. */
const questionsMs = 2_000;
/** Tasks whose questions are kept; the parking lot bounds the calls behind them. */
const maxHeld = 1_000;

type Support = 'optional' | 'required';
const supports = new WeakMap<ProviderSnapshot, ReadonlyMap<string, Support>>();

/** True where the server keeps tasks as 2025-11-25 has them. */
export function keepsLegacyTasks(provider: Invocable): boolean {
  const snapshot = provider.snapshot();
  return snapshot?.family === 'legacy' && offersLegacyTasks(snapshot.capabilities);
}

/** Whether a tool may or must be called as a task; undefined where it cannot. Read once per snapshot. */
export function legacySupport(provider: Invocable, tool: string): Support | undefined {
  const snapshot = provider.snapshot();
  if (!snapshot || !keepsLegacyTasks(provider)) return undefined;
  let known = supports.get(snapshot);
  if (!known) {
    const said = snapshot.tools.flatMap(({ name, execution }) => {
      const support = isObject(execution) ? execution['taskSupport'] : undefined;
      return support === 'optional' || support === 'required' ? [[name, support] as const] : [];
    });
    supports.set(snapshot, (known = new Map(said)));
  }
  return known.get(tool);
}

/** The call, asking for a task. */
export const asTask = (call: ProviderCall): ProviderCall => ({
  ...call,
  request: { ...call.request, params: { ...call.request.params, task: { ttl: requestedTtlMs } } },
});

/** The task that a result announces; undefined where the call ran at once. */
export function createdTask(result: ModelResult): JsonObject | undefined {
  const task = result instanceof RawResult ? result.get('task') : result['task'];
  return isObject(task) && typeof task['taskId'] === 'string' ? task : undefined;
}

/** A task of 2025-11-25 in the words of the extension: flat, durations with their unit. */
export function toModern(task: JsonObject): JsonObject {
  const { taskId, status, statusMessage, createdAt, lastUpdatedAt, ttl, pollInterval } = task;
  return {
    taskId,
    status,
    ...(statusMessage === undefined ? {} : { statusMessage }),
    createdAt,
    lastUpdatedAt,
    ttlMs: ttl ?? null,
    ...(pollInterval === undefined ? {} : { pollIntervalMs: pollInterval }),
  };
}

/**
 * A tool that can only run as a task, for a client that knows none: the call makes the task and waits for its result,
 * on whose stream the server asks what it has to ask.
 */
export const asOneCall = (provider: Invocable, logger: Logger): Invocable => ({
  ...facts(provider),
  invoke: async (call) => {
    const created = await provider.invoke(asTask(call));
    const task = createdTask(created);
    if (!task) return created;
    const taskId = String(task['taskId']);
    const stop = call.scope.onCancel(() => cancelTask(provider, call, taskId, logger));
    try {
      return withoutRelated(await provider.invoke(resultRequest(call, taskId)));
    } finally {
      stop();
    }
  },
});

/** A task whose result is being fetched, so that the server can ask. */
interface Held {
  /** The next thing known: questions under a state of the parking lot, or the result. */
  next: Promise<ModelResult>;
  /** The state that takes answers; undefined while nothing is asked. */
  state: string | undefined;
}

/**
 * Tasks of 2025-11-25 for clients that know the extension. The server asks on the stream of `tasks/result`, which the
 * client does not have: it is held open here, as a call that waits for its client, and its questions are shown by
 * `tasks/get`. Held in this process: another replica opens the stream anew.
 */
export class LegacyTasks {
  readonly #parking: Parking;
  readonly #held = new Map<string, Held>();

  constructor(parking: Parking) {
    this.#parking = parking;
  }

  /** Answers `tasks/get`, `tasks/update` and `tasks/cancel` in the model. */
  async follow(provider: Invocable, given: ProviderCall): Promise<JsonObject> {
    const call = asking(given);
    const taskId = String(call.request.params['taskId']);
    if (call.request.method === 'tasks/update') return this.#answer(provider, call, taskId);
    if (call.request.method === 'tasks/cancel') return this.#cancel(provider, call, taskId);
    const state = toModern(objectOf(await provider.invoke(call)));
    if (state['status'] === 'input_required') return this.#questions(provider, call, taskId, state);
    if (state['status'] === 'completed' || state['status'] === 'failed') return outcome(provider, call, taskId, state);
    return state;
  }

  /** What the server asks. Before it has asked, and after everything is answered, the task is at work. */
  async #questions(provider: Invocable, call: ProviderCall, taskId: string, state: JsonObject): Promise<JsonObject> {
    const key = keyOf(provider, call, taskId);
    const held = this.#held.get(key) ?? this.#hold(key, provider, call, taskId);
    const said = await Promise.race([held.next, afterMs(questionsMs)]);
    const inputRequests = said && objectOf(said)['inputRequests'];
    return isObject(inputRequests) ? { ...state, inputRequests } : { ...state, status: 'working' };
  }

  #hold(key: string, provider: Invocable, call: ProviderCall, taskId: string): Held {
    const oldest = this.#held.size >= maxHeld ? this.#held.keys().next().value : undefined;
    if (oldest !== undefined) this.#held.delete(oldest);
    const held: Held = { next: Promise.resolve({}), state: undefined };
    this.#held.set(key, held);
    this.#goOn(key, held, provider, call, taskId, {});
    return held;
  }

  /** Waits for the next questions, or for the end; then nothing is held any more. */
  #goOn(key: string, held: Held, provider: Invocable, call: ProviderCall, taskId: string, answers: JsonObject): void {
    const { id, principal, traceparent } = call.scope;
    const scope = new CallScope(id, principal, performance.now(), traceparent);
    // The parking lot knows calls of tools: this one is the task itself.
    const request = { method: 'tools/call', params: { name: taskId, ...answers } };
    held.state = undefined;
    held.next = this.#parking.invoke(resultOf(provider, taskId), { ...call, scope, channel: silent, request });
    held.next.then(
      (said) => {
        const { requestState } = objectOf(said);
        if (typeof requestState === 'string') held.state = requestState;
        else this.#held.delete(key);
      },
      () => this.#held.delete(key),
    );
  }

  async #answer(provider: Invocable, call: ProviderCall, taskId: string): Promise<JsonObject> {
    const { inputResponses = {} } = call.request.params;
    if (!isObject(inputResponses) || !Object.values(inputResponses).every(isObject))
      throw fail('SW_PARAMS_INVALID', { reason: 'inputResponses must be an object of objects' });
    const key = keyOf(provider, call, taskId);
    const held = this.#held.get(key);
    // Answers that nobody waits for, or not yet: the client sees with tasks/get what is still asked.
    if (!held?.state) await provider.invoke({ ...call, request: { method: 'tasks/get', params: { taskId } } });
    else this.#goOn(key, held, provider, call, taskId, { inputResponses, requestState: held.state });
    return {};
  }

  /** The extension acknowledges also where the task has ended; the older family refuses that. */
  async #cancel(provider: Invocable, call: ProviderCall, taskId: string): Promise<JsonObject> {
    try {
      await provider.invoke({ ...call, request: { method: 'tasks/cancel', params: { taskId } } });
    } catch (thrown) {
      if (!(thrown instanceof PeerError) || thrown.error.code !== -32602) throw thrown;
      await provider.invoke({ ...call, request: { method: 'tasks/get', params: { taskId } } });
    }
    return {};
  }
}

/** What ended a task, inside of its state: a tool that failed has completed, an error of the protocol has not. */
async function outcome(
  provider: Invocable,
  call: ProviderCall,
  taskId: string,
  state: JsonObject,
): Promise<JsonObject> {
  try {
    const result = objectOf(withoutRelated(await provider.invoke(resultRequest(call, taskId))));
    return { ...state, status: 'completed', result };
  } catch (thrown) {
    if (!(thrown instanceof PeerError)) throw thrown;
    return { ...state, status: 'failed', error: thrown.error };
  }
}

/** A provider that answers any call with the result of one task. */
const resultOf = (provider: Invocable, taskId: string): Invocable => ({
  ...facts(provider),
  invoke: async (call) => withoutRelated(await provider.invoke(resultRequest(call, taskId))),
});

const facts = (provider: Invocable) => ({
  id: provider.id,
  kind: provider.kind,
  behind: provider,
  snapshot: () => provider.snapshot(),
});

const resultRequest = (call: ProviderCall, taskId: string): ProviderCall => ({
  ...call,
  request: { method: 'tasks/result', params: { taskId } },
});

/** The session of a principal is the one whose client can be asked: a task lives in the session that made it. */
const asking = (call: ProviderCall): ProviderCall => ({
  ...call,
  channel: {
    notify: (notification) => call.channel.notify(notification),
    ask: (method) => Promise.reject(fail('SW_INPUT_UNAVAILABLE', { method })),
  },
});

const silent = { notify: () => {} };

/** The result without the mark of the task that it came from: the extension says that by its shape. */
function withoutRelated(result: ModelResult): ModelResult {
  const given = result instanceof RawResult ? result.get('_meta') : result['_meta'];
  if (!isObject(given) || !(meta.relatedTask in given)) return result;
  const { [meta.relatedTask]: _task, ...rest } = given;
  const _meta = Object.keys(rest).length > 0 ? rest : undefined;
  if (result instanceof RawResult) return result.with({ _meta });
  const { _meta: _old, ...others } = result;
  return _meta ? { ...others, _meta } : others;
}

const objectOf = (result: ModelResult): JsonObject => (result instanceof RawResult ? result.toObject() : result);
const keyOf = (provider: Invocable, call: ProviderCall, taskId: string): string =>
  `${call.scope.principal.id}\n${provider.id}\n${taskId}`;
const afterMs = (ms: number): Promise<undefined> =>
  new Promise((resolve) => setTimeout(() => resolve(undefined), ms).unref());
