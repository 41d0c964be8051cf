import { fail } from '#kernel/errors/index.js';
import { extension, hasExtension, offersLegacyTasks } from '#protocol/model/index.js';
import type { RawResult } from '#protocol/jsonrpc/index.js';
import type { Family, JsonObject, Prompt, Resource, ResourceTemplate, Tool } from '#protocol/model/index.js';
import type { Rights } from '../policy/index.js';
import { isAppUri, shownAppUri, splitAppUri, withShownApp } from './app-uris.js';
import { describe } from './describe.js';
import { ListPages, type ListMethod } from './list-pages.js';
import { maxNameLength, prefixedName, prefixedUri, splitUri } from './names.js';
import type { ProviderSnapshot } from './provider.js';
import { compileUriTemplate } from './uri-template.js';

/** An item of a list and where it comes from. */
export interface Target<Item> {
  readonly provider: string;
  /** The provider's own name or URI. */
  readonly name: string;
  /** The item as the provider gave it. */
  readonly item: Item;
  /** The item as this view shows it. */
  readonly shown: Item;
}

export interface ViewOptions {
  /** Items of one page; a client that ignores cursors should still see everything. */
  readonly pageSize: number;
  readonly serverInfo: JsonObject;
  /** Lists differ by principal, so no shared cache may keep them. */
  readonly private: boolean;
}

/**
 * What principals with the same rights see at one route: a pure function of the providers' snapshots. Everything a
 * call needs is a map look-up; lists are serialised once per family.
 */
export class View {
  readonly tools: ReadonlyMap<string, Target<Tool>>;
  readonly prompts: ReadonlyMap<string, Target<Prompt>>;
  readonly resources: ReadonlyMap<string, Target<Resource>>;
  readonly templates: ReadonlyMap<string, Target<ResourceTemplate>>;
  /** Providers whose lists are known. */
  readonly providers: ReadonlySet<string>;
  /** All providers of the route, in the order of the configuration. */
  readonly members: readonly string[];
  readonly #rights: Rights;
  readonly #merged: boolean;
  readonly #matchers: { readonly matches: (uri: string) => boolean; readonly provider: string }[] = [];
  readonly #schemes = new Map<string, Set<string>>();
  readonly #pages: ListPages;
  readonly #discover: JsonObject;
  readonly #legacyDiscover: JsonObject;

  /**
   * @param snapshots of the route's providers, in the order of the configuration
   * @param merged true for `/mcp`, where names carry their provider
   * @param members all providers of the route, also those without a snapshot
   */
  constructor(
    snapshots: readonly ProviderSnapshot[],
    rights: Rights,
    merged: boolean,
    members: readonly string[],
    options: ViewOptions,
  ) {
    this.#rights = rights;
    this.#merged = merged;
    this.members = members;
    this.providers = new Set(snapshots.map((snapshot) => snapshot.provider));
    const named = (provider: string, name: string) => (merged ? prefixedName(provider, name) : name);
    this.tools = this.#collect(snapshots, 'tool', (s) => s.tools, named);
    this.prompts = this.#collect(snapshots, 'prompt', (s) => s.prompts, named);
    const claims = merged ? countClaims(snapshots) : new Map<string, number>();
    const located = (provider: string, uri: string) => {
      if (merged && isAppUri(uri)) return shownAppUri(provider, uri);
      return (claims.get(uri) ?? 0) > 1 ? prefixedUri(provider, uri) : uri;
    };
    this.resources = this.#collect(snapshots, 'resource', (s) => s.resources, located);
    this.templates = this.#collect(snapshots, 'resource', (s) => s.resourceTemplates, located);
    this.#indexUris();
    const lists: Record<ListMethod, readonly JsonObject[]> = {
      'tools/list': shownOf(this.tools),
      'prompts/list': shownOf(this.prompts),
      'resources/list': shownOf(this.resources),
      'resources/templates/list': shownOf(this.templates),
    };
    const cache = {
      ttlMs: snapshots.length > 0 ? Math.min(...snapshots.map((s) => s.ttlMs)) : 0,
      cacheScope: options.private || snapshots.some((s) => s.cacheScope === 'private') ? 'private' : 'public',
    };
    this.#discover = { ...describe(snapshots, merged, options.serverInfo, 'modern'), ...cache };
    this.#legacyDiscover = { ...describe(snapshots, merged, options.serverInfo, 'legacy'), ...cache };
    this.#pages = new ListPages(lists, options.pageSize, cache, resultMeta(this.#discover));
  }

  /** The answer to `server/discover`. */
  get discover(): JsonObject {
    return this.#discover;
  }

  /** The same for a legacy client: tasks of its own kind, where servers of its family have them. */
  get legacyDiscover(): JsonObject {
    return this.#legacyDiscover;
  }

  /** True where a provider of the route makes tasks that clients of the family can follow. */
  offersTasks(family: Family): boolean {
    if (family === 'legacy') return offersLegacyTasks(this.#legacyDiscover['capabilities'] as JsonObject);
    return hasExtension(this.#discover['capabilities'] as JsonObject, extension.tasks);
  }

  /**
   * One page of a list, serialised at first use.
   * @param unavailable providers to name in `_meta`: what they offer is missing, or cannot be called at this moment
   * @throws SW_CURSOR_INVALID
   */
  list(method: ListMethod, family: Family, cursor: unknown, unavailable: readonly string[]): RawResult {
    return this.#pages.page(method, family, cursor, unavailable);
  }

  /**
   * Finds who serves a URI: an app's by its host, which names the provider where names are merged; else listed, written `provider+uri`, matching a template, or of a scheme that one provider
   * alone uses. @throws SW_RESOURCE_UNKNOWN
   */
  resolveUri(uri: string): { readonly provider: string; readonly uri: string } {
    if (this.#merged && isAppUri(uri)) {
      const app = splitAppUri(uri, this.providers);
      if (!app) throw fail('SW_RESOURCE_UNKNOWN', { uri });
      return app;
    }
    const listed = this.resources.get(uri);
    if (listed) return { provider: listed.provider, uri: listed.name };
    const split = this.providers.size > 1 ? splitUri(uri, this.providers) : undefined;
    if (split) return split;
    const only = this.providers.size === 1 ? [...this.providers][0] : undefined;
    if (only !== undefined) return { provider: only, uri };
    const matching = new Set(this.#matchers.filter(({ matches }) => matches(uri)).map(({ provider }) => provider));
    const candidates = matching.size > 0 ? matching : (this.#schemes.get(schemeOf(uri)) ?? new Set<string>());
    const [provider, ...others] = [...candidates];
    if (provider === undefined || others.length > 0) throw fail('SW_RESOURCE_UNKNOWN', { uri });
    return { provider, uri };
  }

  #collect<Item extends Tool | Prompt | Resource | ResourceTemplate>(
    snapshots: readonly ProviderSnapshot[],
    kind: 'tool' | 'prompt' | 'resource',
    itemsOf: (snapshot: ProviderSnapshot) => readonly Item[],
    show: (provider: string, name: string) => string,
  ): ReadonlyMap<string, Target<Item>> {
    const found = new Map<string, Target<Item>>();
    for (const snapshot of snapshots)
      for (const item of itemsOf(snapshot)) {
        const key = 'uriTemplate' in item ? 'uriTemplate' : kind === 'resource' ? 'uri' : 'name';
        const name = item[key] as string;
        const tool = kind === 'tool' ? item : undefined;
        if (!this.#rights.admit({ provider: snapshot.provider, kind, name, tool }).allowed) continue;
        const shownName = show(snapshot.provider, name);
        // The first of a provider's own duplicates wins, as it does for its direct clients.
        if (found.has(shownName)) continue;
        const own = this.#merged && kind === 'tool' ? withShownApp(snapshot.provider, item) : item;
        const shown = shownName === name ? own : { ...own, [key]: shownName };
        found.set(shownName, { provider: snapshot.provider, name, item, shown });
      }
    return found;
  }

  #indexUris(): void {
    for (const { provider, name } of this.templates.values()) {
      this.#matchers.push({ matches: compileUriTemplate(name), provider });
      this.#addScheme(name, provider);
    }
    for (const { provider, name } of this.resources.values()) this.#addScheme(name, provider);
  }

  #addScheme(uri: string, provider: string): void {
    const scheme = schemeOf(uri);
    const users = this.#schemes.get(scheme) ?? new Set<string>();
    this.#schemes.set(scheme, users.add(provider));
  }
}

/** Names over the limit or shared by two providers, for `doctor`. */
export function nameProblems(
  snapshots: readonly ProviderSnapshot[],
): { shown: string; provider: string; name: string }[] {
  return snapshots.flatMap(({ provider, tools, prompts }) =>
    [...tools, ...prompts]
      .filter(({ name }) => `${provider}__${name}`.length > maxNameLength)
      .map(({ name }) => ({ shown: prefixedName(provider, name), provider, name })),
  );
}

const schemeOf = (uri: string): string => uri.slice(0, Math.max(0, uri.indexOf(':')));
const shownOf = <Item extends JsonObject>(targets: ReadonlyMap<string, Target<Item>>): readonly Item[] =>
  [...targets.values()].map(({ shown }) => shown);
const resultMeta = (discover: JsonObject): JsonObject => ({ ...(discover['_meta'] as JsonObject | undefined) });

function countClaims(snapshots: readonly ProviderSnapshot[]): Map<string, number> {
  const claims = new Map<string, number>();
  for (const { resources, resourceTemplates } of snapshots)
    for (const uri of new Set([...resources.map((r) => r.uri), ...resourceTemplates.map((t) => t.uriTemplate)]))
      claims.set(uri, (claims.get(uri) ?? 0) + 1);
  return claims;
}
