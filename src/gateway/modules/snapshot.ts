import { createHash } from 'node:crypto';
import type { ProviderSnapshot } from '#gateway/catalog/index.js';
import type { JsonObject } from '#protocol/model/index.js';
import type { Module, Provisioned } from './definition.js';
import type { Offer } from './offer.js';

/** What the gateway lists for a module. */
export function snapshotOf(module: Module, provisioned: Provisioned, offer: Offer, now: number): ProviderSnapshot {
  const hints = Object.values(provisioned.cache ?? {});
  return {
    provider: module.id,
    family: 'modern',
    at: now,
    hash: createHash('sha256').update(JSON.stringify(offer.lists)).digest('hex'),
    serverInfo: module.version === undefined ? undefined : { name: module.id, version: module.version },
    capabilities: capabilitiesOf(provisioned, offer),
    instructions: module.instructions,
    ...offer.lists,
    // One hint holds for all lists: the most careful one, and none given is the most careful of all.
    ttlMs: hints.length === 0 ? 0 : Math.min(...hints.map(({ ttlMs = 0 }) => ttlMs)),
    cacheScope: hints.length > 0 && hints.every(({ cacheScope }) => cacheScope === 'public') ? 'public' : 'private',
  };
}

function capabilitiesOf(provisioned: Provisioned, offer: Offer): JsonObject {
  const capabilities: JsonObject = { logging: {} };
  if (provisioned.tools) capabilities['tools'] = { listChanged: true };
  if (provisioned.prompts) capabilities['prompts'] = { listChanged: true };
  if (provisioned.resources || provisioned.resourceTemplates)
    capabilities['resources'] = { listChanged: true, subscribe: true };
  if (provisioned.complete || completesItself(offer)) capabilities['completions'] = {};
  return capabilities;
}

const completesItself = ({ prompts, templates }: Offer): boolean =>
  templates.some(({ definition }) => definition.complete) ||
  [...prompts.values()].some((prompt) => prompt.arguments?.some(({ complete }) => complete));
