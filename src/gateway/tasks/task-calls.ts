import { fail } from '#kernel/errors/index.js';
import type { Logger } from '#kernel/telemetry/index.js';
import { RawResult } from '#protocol/jsonrpc/index.js';
import {
  extension,
  hasExtension,
  isTaskResult,
  type ClientFacts,
  type JsonObject,
  type ModelResult,
} from '#protocol/model/index.js';
import type { Invocable, ProviderCall } from '../catalog/index.js';
import { absorbTask, declaring } from './absorb.js';
import type { TaskTokens } from './task-tokens.js';

/** Makes a call across the families: what `tools/call` does besides tasks. */
export type Run = (call: ProviderCall) => Promise<ModelResult>;

/**
 * Calls that become tasks. A client that declared the tasks extension on its call gets the task, under an id of ours;
 * for any other the task is waited for and its result is the answer.
 */
export class TaskCalls {
  readonly #tokens: TaskTokens;
  readonly #logger: Logger;

  constructor(tokens: TaskTokens, logger: Logger) {
    this.#tokens = tokens;
    this.#logger = logger;
  }

  /** Answers `tools/call`. @throws what `run` and the task raise */
  async call(provider: Invocable, tool: string, call: ProviderCall, run: Run): Promise<ModelResult> {
    const result = await run(asModern(provider, call));
    if (!isTaskResult(result)) return result;
    if (!knowsTasks(call.client)) return absorbTask(provider, call, result, this.#logger);
    const ref = { provider: provider.id, tool, taskId: String(memberOf(result, 'taskId')), family: 'modern' } as const;
    return withTaskId(result, this.#tokens.seal(call.scope.principal.id, ref));
  }

  /**
   * Answers `tasks/get`, `tasks/update` and `tasks/cancel`; `call` names the task as its provider does.
   * @param shownId the id by which the client knows the task
   */
  async follow(provider: Invocable, call: ProviderCall, shownId: string): Promise<ModelResult> {
    const result = await provider.invoke(call);
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
