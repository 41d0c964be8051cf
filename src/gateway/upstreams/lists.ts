import { createHash } from 'node:crypto';
import type { ServerFacts } from '#protocol/client/index.js';
import { isObject, PeerError, type RawResult } from '#protocol/jsonrpc/index.js';
import type { Family, JsonObject, Prompt, Resource, ResourceTemplate, Tool } from '#protocol/model/index.js';
import type { ProviderSnapshot } from '../catalog/index.js';
import type { UpstreamContext } from './config.js';

/** Sends one list request; rejects with PeerError or SW_UPSTREAM_*. */
export type ReadPage = (method: string, params: JsonObject) => Promise<RawResult>;

interface List {
  readonly items: readonly JsonObject[];
  readonly ttlMs: number;
  readonly isPublic: boolean;
}

const lists = {
  tools: { method: 'tools/list', capability: 'tools', key: 'name' },
  prompts: { method: 'prompts/list', capability: 'prompts', key: 'name' },
  resources: { method: 'resources/list', capability: 'resources', key: 'uri' },
  resourceTemplates: { method: 'resources/templates/list', capability: 'resources', key: 'uriTemplate' },
} as const;
/** The lists as events name them: templates belong to the resources. */
export type ListKind = 'tools' | 'prompts' | 'resources';
type ListName = keyof typeof lists;
const listNames = Object.keys(lists) as ListName[];

/** What a list is until it has been read, and where the server offers none. */
const nothing: List = { items: [], ttlMs: Number.POSITIVE_INFINITY, isPublic: true };

/**
 * Reads every page of every list that the server offers, the lists side by side. A list that the server cannot give
 * keeps what `previous` had: the others still count.
 */
export async function readSnapshot(
  context: UpstreamContext,
  family: Family,
  facts: ServerFacts,
  readPage: ReadPage,
  previous: ProviderSnapshot | undefined,
): Promise<ProviderSnapshot> {
  const refused: PeerError[] = [];
  const read = async (name: ListName): Promise<List> => {
    if (!isObject(facts.capabilities[lists[name].capability])) return nothing;
    try {
      return await readList(context, name, readPage);
    } catch (thrown) {
      if (!(thrown instanceof PeerError)) throw thrown;
      if (thrown.error.code === -32601) return nothing;
      context.logger.warn({ list: name, error: thrown.error }, 'the upstream could not give a list');
      refused.push(thrown);
      return { items: previous?.[name] ?? [], ttlMs: 0, isPublic: false };
    }
  };
  const all = await Promise.all(listNames.map(read));
  const offered = listNames.filter((name) => isObject(facts.capabilities[lists[name].capability]));
  if (refused[0] && refused.length === offered.length) throw refused[0];
  const [tools, prompts, resources, resourceTemplates] = all.map(({ items }) => items);
  const ttlMs = Math.min(...all.map((list) => list.ttlMs));
  return deepFreeze<ProviderSnapshot>({
    provider: context.id,
    family,
    at: context.clock.now(),
    hash: createHash('sha256')
      .update(JSON.stringify([tools, prompts, resources, resourceTemplates]))
      .digest('hex'),
    serverInfo: facts.serverInfo,
    capabilities: facts.capabilities,
    instructions: facts.instructions,
    tools: tools as readonly Tool[],
    prompts: prompts as readonly Prompt[],
    resources: resources as readonly Resource[],
    resourceTemplates: resourceTemplates as readonly ResourceTemplate[],
    ttlMs: Number.isFinite(ttlMs) ? ttlMs : 0,
    cacheScope: family === 'modern' && all.every((list) => list.isPublic) ? 'public' : 'private',
  });
}

async function readList(context: UpstreamContext, name: ListName, readPage: ReadPage): Promise<List> {
  const { method, key } = lists[name];
  const items: JsonObject[] = [];
  let ttlMs = Number.POSITIVE_INFINITY;
  let isPublic = true;
  let cursor: unknown;
  for (let page = 0; page < context.maxListPages; page++) {
    const result = (await readPage(method, cursor === undefined ? {} : { cursor })).toObject();
    const given = result[name];
    if (!Array.isArray(given)) throw context.faults.protocol(`${method} holds no ${name}`);
    for (const item of given as unknown[]) {
      if (isObject(item) && typeof item[key] === 'string' && (name !== 'tools' || isObject(item['inputSchema'])))
        items.push(item);
      else context.logger.warn({ list: name }, 'the upstream listed something without the members that it must have');
    }
    if (items.length > context.maxListItems)
      throw context.faults.protocol(`${method} has more than ${String(context.maxListItems)} items`);
    ttlMs = Math.min(ttlMs, typeof result['ttlMs'] === 'number' ? Math.max(result['ttlMs'], 0) : 0);
    isPublic &&= result['cacheScope'] === 'public';
    const next = result['nextCursor'];
    if (typeof next !== 'string') return { items, ttlMs, isPublic };
    if (next === cursor) throw context.faults.protocol(`${method} gives the same cursor again`);
    cursor = next;
  }
  throw context.faults.protocol(`${method} has more than ${String(context.maxListPages)} pages`);
}

/** The lists that differ, by the names that events use. */
export function changedLists(before: ProviderSnapshot | undefined, after: ProviderSnapshot): Set<ListKind> {
  const changed = new Set<ListKind>();
  if (before?.hash === after.hash) return changed;
  for (const name of listNames)
    if (!before || JSON.stringify(before[name]) !== JSON.stringify(after[name]))
      changed.add(name === 'resourceTemplates' ? 'resources' : name);
  return changed;
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const member of Object.values(value)) deepFreeze(member);
  return Object.freeze(value);
}
