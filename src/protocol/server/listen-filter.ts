import { fail } from '#kernel/errors/index.js';
import { isObject } from '../jsonrpc/index.js';
import type { ListenFilter } from '../model/index.js';

/** URIs that one client may watch. */
export const maxResourceSubscriptions = 1000;

/** Reads the filter of `subscriptions/listen`. @throws SW_PARAMS_INVALID */
export function readFilter(value: unknown): ListenFilter {
  if (!isObject(value)) throw fail('SW_PARAMS_INVALID', { reason: 'notifications must be an object' });
  const { resourceSubscriptions } = value;
  if (resourceSubscriptions !== undefined && !isUriList(resourceSubscriptions))
    throw fail('SW_PARAMS_INVALID', {
      reason: `resourceSubscriptions must be a list of at most ${maxResourceSubscriptions} URIs`,
    });
  return {
    toolsListChanged: value['toolsListChanged'] === true || undefined,
    promptsListChanged: value['promptsListChanged'] === true || undefined,
    resourcesListChanged: value['resourcesListChanged'] === true || undefined,
    resourceSubscriptions,
  };
}

const isUriList = (value: unknown): value is string[] =>
  Array.isArray(value) && value.length <= maxResourceSubscriptions && value.every((uri) => typeof uri === 'string');
