import { fail } from '#kernel/errors/index.js';
import type { Logger } from '#kernel/telemetry/index.js';
import { RawResult } from '#protocol/jsonrpc/index.js';
import {
  extension,
  hasExtension,
  isTaskResult,
  type ClientFacts,
  type Family,
  type JsonObject,
  type ModelResult,
} from '#protocol/model/index.js';
import type { Invocable, ProviderCall } from '../catalog/index.js';
import type { Parking } from '../bridge/index.js';
import { absorbTask, declaring } from './absorb.js';
import {
  asOneCall,
  asTask,
  createdTask,
  keepsLegacyTasks,
  legacySupport,
  LegacyTasks,
  toModern,
} from './legacy-tasks.js';
import { shownResult, withShownIds, type ShownId } from './relay.js';
import type { TaskTokens } from './task-tokens.js';

/** Makes a call across the families: what `tools/call` does besides tasks. */
export type Run = (provider: Invocable, call: ProviderCall) => Promise<ModelResult>;

/**
 * Calls that become tasks. A client that declared the tasks extension on its call gets the task, under an id of ours;
 * for any other the task is waited for and its result is the answer.
 */
export class TaskCalls {
  readonly #tokens: TaskTokens;
  readonly #logger: Logger;
  readonly #legacy: LegacyTasks;

  constructor(tokens: TaskTokens, parking: Parking, logger: Logger) {
    this.#tokens = tokens;
    this.#logger = logger;
    this.#legacy = new LegacyTasks(parking);
  }

  /** Answers `tools/call`. @throws what `run` and the task raise */
  async call(provider: Invocable, tool: string, call: ProviderCall, run: Run): Promise<ModelResult> {
    const support = call.client.family === 'modern' ? legacySupport(provider, tool) : undefined;
    if (support) return this.#callLegacy(provider, tool, support, call, run);
    if (call.client.family === 'legacy' && keepsLegacyTasks(provider)) return this.#relay(provider, tool, call, run);
    const result = await run(provider, asModern(provider, call));
    if (!isTaskResult(result)) return result;
    if (!knowsTasks(call.client)) return absorbTask(provider, call, result, this.#logger);
    return withTaskId(result, this.#seal(provider, tool, call, memberOf(result, 'taskId'), 'modern'));
  }

  /** Both sides have the tasks of 2025-11-25: the client asks for one, or does not. */
  async #relay(provider: Invocable, tool: string, call: ProviderCall, run: Run): Promise<ModelResult> {
    const result = await run(provider, withShownIds(call, this.#shownId(provider, call)));
    const task = createdTask(result);
    // From here on it is known: the ids below find it.
    if (task) this.#seal(provider, tool, call, task['taskId'], 'legacy');
    return shownResult(result, this.#shownId(provider, call));
  }

  #shownId(provider: Invocable, { scope }: ProviderCall): ShownId {
    return (taskId) => this.#tokens.known(scope.principal.id, provider.id, taskId);
  }

  /** A tool of an older server that can run as a task, called by a modern client. */
  async #callLegacy(
    provider: Invocable,
    tool: string,
    support: 'optional' | 'required',
    call: ProviderCall,
    run: Run,
  ): Promise<ModelResult> {
    if (!knowsTasks(call.client))
      return run(support === 'required' ? asOneCall(provider, this.#logger) : provider, asModern(provider, call));
    const result = await run(provider, asTask(call));
    const task = createdTask(result);
    if (!task) return result;
    const taskId = this.#seal(provider, tool, call, task['taskId'], 'legacy');
    return { resultType: 'task', ...toModern(task), taskId };
  }

  #seal(provider: Invocable, tool: string, { scope }: ProviderCall, taskId: unknown, family: Family): string {
    return this.#tokens.seal(scope.principal.id, { provider: provider.id, tool, taskId: String(taskId), family });
  }

  /**
   * Answers requests about a task; `call` names it as its provider does.
   * @param shownId the id by which the client knows the task
   */
  async follow(provider: Invocable, call: ProviderCall, shownId: string, run: Run): Promise<ModelResult> {
    if (call.client.family === 'legacy') {
      const known: ShownId = (taskId) => (taskId === call.request.params['taskId'] ? shownId : undefined);
      return shownResult(await run(provider, withShownIds(call, known)), known);
    }
    const kept = this.#tokens.open(call.scope.principal.id, shownId)?.family;
    const result = await (kept === 'legacy' ? this.#legacy.follow(provider, call) : provider.invoke(call));
    return call.request.method === 'tasks/get' ? withTaskId(result, shownId) : result;
  }
}

/** True where the client declared on this very request that it can deal with a task. */
export const knowsTasks = ({ family, capabilities }: ClientFacts): boolean =>
  family === 'modern' && hasExtension(capabilities, extension.tasks);

/** Refuses a task method of a client that did not declare the extension. @throws SW_CAPABILITY_MISSING */
export function requireTasks(client: ClientFacts): void {
  if (knowsTasks(client)) return;
  throw fail('SW_CAPABILITY_MISSING', { requiredCapabilities: { extensions: { [extension.tasks]: {} } } });
}

/**
 * The call as a modern server gets it. A `task` member is of the legacy family and means nothing here; a legacy client
 * knows no tasks, but the gateway does, on its behalf.
 */
function asModern(provider: Invocable, call: ProviderCall): ProviderCall {
  const { client, request } = call;
  const plain =
    'task' in request.params ? { ...call, request: { ...request, params: withoutTask(request.params) } } : call;
  if (client.family === 'modern' || !hasExtension(provider.snapshot()?.capabilities ?? {}, extension.tasks))
    return plain;
  return declaring(plain);
}

function withoutTask({ task: _task, ...params }: JsonObject): JsonObject {
  return params;
}

const memberOf = (result: ModelResult, name: string): unknown =>
  result instanceof RawResult ? result.get(name) : result[name];

const withTaskId = (result: ModelResult, taskId: string): ModelResult =>
  result instanceof RawResult ? result.with({ taskId }) : { ...result, taskId };
