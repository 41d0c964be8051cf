import { isObject } from '#protocol/jsonrpc/index.js';
import {
  extension,
  meta,
  modernRevisions,
  offersLegacyTasks,
  withExtension,
  type Family,
  type JsonObject,
} from '#protocol/model/index.js';
import type { ProviderSnapshot } from './provider.js';

/** Instructions of all providers together may take this many characters of a model's context. */
const maxInstructions = 8192;

/**
 * The body of `server/discover` for a route. One provider alone speaks for itself; several are described together:
 * a feature is offered when any of them has it.
 */
export function describe(
  snapshots: readonly ProviderSnapshot[],
  merged: boolean,
  serverInfo: JsonObject,
  reader: Family,
): JsonObject {
  const only = merged ? undefined : snapshots[0];
  const instructions = only ? only.instructions : joinInstructions(snapshots);
  return {
    supportedVersions: [...modernRevisions],
    capabilities: only ? tasksFor(reader, only) : union(snapshots.map((snapshot) => tasksFor(reader, snapshot))),
    ...(instructions === undefined ? {} : { instructions }),
    _meta: { [meta.serverInfo]: only?.serverInfo ?? serverInfo },
  };
}

function joinInstructions(snapshots: readonly ProviderSnapshot[]): string | undefined {
  const parts = snapshots.flatMap(({ provider, instructions }) =>
    instructions === undefined ? [] : [`${provider}:\n${instructions}`],
  );
  return parts.length > 0 ? parts.join('\n\n').slice(0, maxInstructions) : undefined;
}

/**
 * What a server can do, its tasks in the words of the reader's family: the extension for modern clients; for legacy
 * ones the tasks of 2025-11-25, where the server is of their family. No list: it would show those of others.
 */
function tasksFor(reader: Family, { capabilities, family }: ProviderSnapshot): JsonObject {
  const { tasks, ...rest } = capabilities;
  if (!isObject(tasks) || !offersLegacyTasks(capabilities)) return rest;
  if (reader === 'modern') return withExtension(rest, extension.tasks);
  const { list: _list, ...kept } = tasks;
  return family === 'legacy' ? { ...rest, tasks: kept } : rest;
}

function union(all: readonly JsonObject[]): JsonObject {
  const joined: JsonObject = {};
  for (const capabilities of all)
    for (const [name, value] of Object.entries(capabilities)) {
      const before = joined[name];
      joined[name] = isObject(before) && isObject(value) ? { ...before, ...truthy(value) } : (before ?? value);
    }
  return joined;
}

/** A flag that one member sets to false must not hide another's true. */
const truthy = (value: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(value).filter(([, flag]) => flag !== false));
