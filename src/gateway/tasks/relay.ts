import { isObject, RawResult } from '#protocol/jsonrpc/index.js';
import { meta, type JsonObject, type ModelNotification, type ModelResult } from '#protocol/model/index.js';
import type { ProviderCall } from '../catalog/index.js';

/** The id of a task as the client knows it; undefined for one that it was not given. */
export type ShownId = (taskId: unknown) => string | undefined;

/**
 * A call between a client and a server that both have the tasks of 2025-11-25: what the server says of tasks on the
 * way (questions, progress, states) names them as the client knows them.
 */
export const withShownIds = (call: ProviderCall, shownId: ShownId): ProviderCall => {
  const { channel } = call;
  const { ask } = channel;
  return {
    ...call,
    channel: {
      ...channel,
      notify: (notification) => {
        const shown = shownNotification(notification, shownId);
        if (shown) channel.notify(shown);
      },
      ask: ask && ((method, params) => ask(method, related(params, shownId))),
    },
  };
};

/** A notification in the ids of the client; undefined for the state of a task that is not its own. */
export function shownNotification(
  { method, params }: ModelNotification,
  shownId: ShownId,
): ModelNotification | undefined {
  if (method !== 'notifications/tasks/status') return { method, params: related(params, shownId) };
  const taskId = shownId(params['taskId']);
  return taskId === undefined ? undefined : { method, params: related({ ...params, taskId }, shownId) };
}

/** A result in the ids of the client: the task that a call made, the one that was asked for, the one it belongs to. */
export function shownResult(result: ModelResult, shownId: ShownId): ModelResult {
  const get = (name: string) => (result instanceof RawResult ? result.get(name) : result[name]);
  const set: JsonObject = {};
  const task = get('task');
  if (isObject(task)) set['task'] = { ...task, taskId: shownId(task['taskId']) };
  if (get('taskId') !== undefined) set['taskId'] = shownId(get('taskId'));
  const own = get('_meta');
  if (isObject(own) && meta.relatedTask in own) set['_meta'] = related({ _meta: own }, shownId)['_meta'];
  if (Object.keys(set).length === 0) return result;
  return result instanceof RawResult ? result.with(set) : { ...result, ...set };
}

function related(params: JsonObject, shownId: ShownId): JsonObject {
  const own = params['_meta'];
  const task = isObject(own) ? own[meta.relatedTask] : undefined;
  if (!isObject(own) || !isObject(task)) return params;
  const taskId = shownId(task['taskId']);
  const { [meta.relatedTask]: _task, ...rest } = own;
  return { ...params, _meta: taskId === undefined ? rest : { ...own, [meta.relatedTask]: { ...task, taskId } } };
}
