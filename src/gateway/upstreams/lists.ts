import { createHash } from 'node:crypto';
import { fail } from '#kernel/errors/index.js';
import type { ServerFacts } from '#protocol/client/index.js';
import { isObject, PeerError, type RawResult } from '#protocol/jsonrpc/index.js';
import type { Family, JsonObject, Prompt, Resource, ResourceTemplate, Tool } from '#protocol/model/index.js';
import type { ListKind, ProviderSnapshot } from '../catalog/index.js';
import type { UpstreamContext } from './config.js';

/** Sends one list request; rejects with PeerError or SW_UPSTREAM_*. */
export type ReadPage = (method: string, params: JsonObject) => Promise<RawResult>;

interface List {
  readonly items: readonly JsonObject[];
  /** Milliseconds; infinite where there is nothing that can change. */
  readonly ttlMs: number;
  readonly isPublic: boolean;
}

const lists = {
  tools: { method: 'tools/list', capability: 'tools', key: 'name' },
  prompts: { method: 'prompts/list', capability: 'prompts', key: 'name' },
  resources: { method: 'resources/list', capability: 'resources', key: 'uri' },
  resourceTemplates: { method: 'resources/templates/list', capability: 'resources', key: 'uriTemplate' },
} as const;
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
  const spent: Spent = { bytes: 0 };
  const read = async (name: ListName): Promise<List> => {
    if (!isObject(facts.capabilities[lists[name].capability])) return nothing;
    try {
      return await readList(context, name, readPage, spent);
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
    ttlMs: family === 'legacy' ? context.legacyTtlMs : Number.isFinite(ttlMs) ? ttlMs : 0,
    cacheScope: family === 'modern' && all.every((list) => list.isPublic) ? 'public' : 'private',
  });
}

/** Bytes of all pages read so far: one budget for all lists. */
interface Spent {
  bytes: number;
}

/** Reads one list; from the start once more where it changed on the way and the server took a cursor back. */
async function readList(context: UpstreamContext, name: ListName, readPage: ReadPage, spent: Spent): Promise<List> {
  const first = new ListInProgress(context, name);
  try {
    return await first.read(readPage, spent);
  } catch (thrown) {
    if (first.pages === 0 || !(thrown instanceof PeerError) || thrown.error.code !== -32602) throw thrown;
    return new ListInProgress(context, name).read(readPage, spent);
  }
}

/** One list while its pages come in. */
class ListInProgress {
  readonly #context: UpstreamContext;
  readonly #name: ListName;
  readonly #items: JsonObject[] = [];
  readonly #cursors = new Set<string>();
  #ttlMs = Number.POSITIVE_INFINITY;
  #isPublic = true;
  /** Pages that have come. */
  pages = 0;

  constructor(context: UpstreamContext, name: ListName) {
    this.#context = context;
    this.#name = name;
  }

  /** @throws SW_UPSTREAM_PROTOCOL, SW_LISTS_TOO_LARGE and what `readPage` rejects with */
  async read(readPage: ReadPage, spent: Spent): Promise<List> {
    const { method } = lists[this.#name];
    let cursor: string | undefined;
    while (this.pages < this.#context.maxListPages) {
      const page = await readPage(method, cursor === undefined ? {} : { cursor });
      spent.bytes += page.byteLength;
      if (spent.bytes > this.#context.maxListBytes)
        throw this.#tooLarge(`they take more than ${String(this.#context.maxListBytes)} bytes`);
      cursor = this.#take(page.toObject());
      if (cursor === undefined) return { items: this.#items, ttlMs: this.#ttlMs, isPublic: this.#isPublic };
      // An empty cursor is one like any other. One that was there before leads round in a circle.
      if (this.#cursors.has(cursor)) throw this.#context.faults.protocol(`${method} gives the same cursor again`);
      this.#cursors.add(cursor);
    }
    throw this.#tooLarge(`${method} has more than ${String(this.#context.maxListPages)} pages`);
  }

  /** Takes a page in; returns the cursor of the next one. */
  #take(page: JsonObject): string | undefined {
    const { method, key } = lists[this.#name];
    const given = page[this.#name];
    if (!Array.isArray(given)) throw this.#context.faults.protocol(`${method} holds no ${this.#name}`);
    let unusable = 0;
    for (const item of given as unknown[])
      if (isObject(item) && typeof item[key] === 'string' && (this.#name !== 'tools' || isObject(item['inputSchema'])))
        this.#items.push(item);
      else unusable++;
    if (unusable > 0)
      this.#context.logger.warn(
        { list: this.#name, items: unusable },
        'the upstream listed items without the members that they must have',
      );
    if (this.#items.length > this.#context.maxListItems)
      throw this.#tooLarge(`${method} has more than ${String(this.#context.maxListItems)} items`);
    this.pages++;
    this.#ttlMs = Math.min(this.#ttlMs, typeof page['ttlMs'] === 'number' ? Math.max(page['ttlMs'], 0) : 0);
    this.#isPublic &&= page['cacheScope'] === 'public';
    return typeof page['nextCursor'] === 'string' ? page['nextCursor'] : undefined;
  }

  #tooLarge = (reason: string) => fail('SW_LISTS_TOO_LARGE', { provider: this.#context.id, reason });
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
