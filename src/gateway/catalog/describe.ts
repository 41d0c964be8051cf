import { isObject } from '#protocol/jsonrpc/index.js';
import {
  extension,
  meta,
  modernRevisions,
  offersLegacyTasks,
  withExtension,
  type JsonObject,
} from '#protocol/model/index.js';
import type { ProviderSnapshot } from './provider.js';

/** Instructions of all providers together may take this many characters of a model's context. */
const maxInstructions = 8192;

/**
 * The body of `server/discover` for a route. One provider alone speaks for itself; several are described together:
 * a feature is offered when any of them has it.
 */
export function describe(snapshots: readonly ProviderSnapshot[], merged: boolean, serverInfo: JsonObject): JsonObject {
  const only = merged ? undefined : snapshots[0];
  const instructions = only ? only.instructions : joinInstructions(snapshots);
  return {
    supportedVersions: [...modernRevisions],
    capabilities: only ? modernTasks(only.capabilities) : union(snapshots.map((s) => modernTasks(s.capabilities))),
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

/** Tasks of 2025-11-25 are offered as the extension that replaced them. */
function modernTasks({ tasks, ...rest }: JsonObject): JsonObject {
  return offersLegacyTasks({ tasks }) ? withExtension(rest, extension.tasks) : rest;
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
