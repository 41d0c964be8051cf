import { isObject, RawResult } from '../jsonrpc/index.js';
import type { JsonObject, ModelResult } from './model.js';

/** The extensions of the specification that the gateway does something for; every other one only passes. */
export const extension = {
  tasks: 'io.modelcontextprotocol/tasks',
  ui: 'io.modelcontextprotocol/ui',
} as const;

/** True where the capabilities of a client or a server name the extension. */
export const hasExtension = ({ extensions }: JsonObject, name: string): boolean =>
  isObject(extensions) && isObject(extensions[name]);

/** The capabilities with one more extension, without settings. */
export const withExtension = (capabilities: JsonObject, name: string): JsonObject => ({
  ...capabilities,
  extensions: { ...(isObject(capabilities['extensions']) ? capabilities['extensions'] : {}), [name]: {} },
});

/** True for the flat result by which a modern server says that the call goes on as a task. */
export function isTaskResult(result: ModelResult): boolean {
  if (result instanceof RawResult) return result.has('resultType') && result.get('resultType') === 'task';
  return result['resultType'] === 'task';
}

/** True for capabilities by which calls of tools may become tasks of the older kind (2025-11-25, tasks: capabilities). */
export function offersLegacyTasks({ tasks }: JsonObject): boolean {
  const requests = isObject(tasks) ? tasks['requests'] : undefined;
  return isObject(requests) && isObject(requests['tools']) && isObject(requests['tools']['call']);
}
