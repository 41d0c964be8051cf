import { fail } from '#kernel/errors/index.js';
import type { Routing } from '#gateway/catalog/index.js';
import { adminName } from './api/index.js';
import type { Config } from './config.js';

/**
 * The groups that the configuration names. Members that are disabled are left out; names that nobody has are refused.
 * @throws SW_CONFIG_INVALID
 */
export function routingOf(config: Config): Routing {
  const { groups, lists, mcpServers, modules } = config;
  const isKnown = (id: string): boolean => Object.hasOwn(mcpServers, id) || Object.hasOwn(modules, id);
  const made = Object.entries(groups).map(([name, { members, onFailure }]) => {
    const invalid = (reason: string) => fail('SW_CONFIG_INVALID', { reason: `groups.${name}${reason}` });
    requireName(name);
    if (isKnown(name)) throw invalid(' has the name of a server or module: both would be served at the same address');
    if (members.length === 0) throw invalid('.members is empty');
    const unknown = members.find((id) => !isKnown(id));
    if (unknown !== undefined) throw invalid(`.members: there is no server or module ${unknown}`);
    const present = members.filter((id) => mcpServers[id]?.disabled !== true);
    return [name, { members: new Set(present), onFailure }] as const;
  });
  return { onFailure: lists.onFailure, groups: new Map(made) };
}

const namePattern = /^[a-z0-9][a-z0-9-]{0,31}$/;

/** What servers, modules and groups may be called. @throws SW_CONFIG_INVALID */
export function requireName(name: string): void {
  if (name === adminName)
    throw fail('SW_CONFIG_INVALID', { reason: `"${name}" cannot be a name: access rules mean this gateway by it` });
  if (!namePattern.test(name))
    throw fail('SW_CONFIG_INVALID', {
      reason: `"${name}" cannot be a name: use 1 to 32 of a-z, 0-9 and -, beginning with a letter or digit`,
    });
}
