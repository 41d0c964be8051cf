import { fail } from '#kernel/errors/index.js';
import { isObject } from '../jsonrpc/index.js';
import type { ListenFilter } from '../model/index.js';

/** URIs that one client may watch. */
export const maxResourceSubscriptions = 1000;
/** Tasks that one subscription may follow. */
const maxTaskSubscriptions = 100;

/** Reads the filter of `subscriptions/listen`. @throws SW_PARAMS_INVALID */
export function readFilter(value: unknown): ListenFilter {
  if (!isObject(value)) throw fail('SW_PARAMS_INVALID', { reason: 'notifications must be an object' });
  const { resourceSubscriptions, taskIds } = value;
  if (resourceSubscriptions !== undefined && !isTextList(resourceSubscriptions, maxResourceSubscriptions))
    throw fail('SW_PARAMS_INVALID', {
      reason: `resourceSubscriptions must be a list of at most ${maxResourceSubscriptions} URIs`,
    });
  if (taskIds !== undefined && !isTextList(taskIds, maxTaskSubscriptions))
    throw fail('SW_PARAMS_INVALID', { reason: `taskIds must be a list of at most ${maxTaskSubscriptions} ids` });
  return {
    toolsListChanged: value['toolsListChanged'] === true || undefined,
    promptsListChanged: value['promptsListChanged'] === true || undefined,
    resourcesListChanged: value['resourcesListChanged'] === true || undefined,
    resourceSubscriptions,
    taskIds,
  };
}

const isTextList = (value: unknown, max: number): value is string[] =>
  Array.isArray(value) && value.length <= max && value.every((item) => typeof item === 'string');
