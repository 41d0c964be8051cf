import { createHash } from 'node:crypto';
import { fail } from '#kernel/errors/index.js';
import { RawResult } from '#protocol/jsonrpc/index.js';
import type { Family, JsonObject } from '#protocol/model/index.js';
import { legacy } from '#protocol/revisions/index.js';

/** The lists of a view. */
export type ListMethod = 'tools/list' | 'prompts/list' | 'resources/list' | 'resources/templates/list';

const memberOf: Readonly<Record<ListMethod, string>> = {
  'tools/list': 'tools',
  'prompts/list': 'prompts',
  'resources/list': 'resources',
  'resources/templates/list': 'resourceTemplates',
};

/** The pages of a view's lists: each serialised once per family, then only written. */
export class ListPages {
  readonly #lists: Readonly<Record<ListMethod, readonly JsonObject[]>>;
  readonly #pageSize: number;
  readonly #meta: JsonObject;
  readonly #common: JsonObject;
  readonly #made = new Map<string, RawResult>();
  readonly #versions = new Map<ListMethod, string>();
  /** Who was away when the pages in `#made` were made: it is said on each of them. */
  #unavailable: readonly string[] = [];

  constructor(
    lists: Readonly<Record<ListMethod, readonly JsonObject[]>>,
    pageSize: number,
    cache: JsonObject,
    resultMeta: JsonObject,
  ) {
    this.#lists = lists;
    this.#pageSize = pageSize;
    this.#meta = resultMeta;
    this.#common = { resultType: 'complete', ...cache, _meta: resultMeta };
  }

  /** @throws SW_CURSOR_INVALID for a cursor of another list, or of a list that has changed since */
  page(method: ListMethod, family: Family, cursor: unknown, unavailable: readonly string[]): RawResult {
    if (!isEqual(unavailable, this.#unavailable)) {
      this.#unavailable = unavailable;
      this.#made.clear();
    }
    const offset = cursor === undefined ? 0 : this.#offsetOf(method, cursor);
    const key = `${method} ${family} ${offset}`;
    const known = this.#made.get(key);
    if (known) return known;
    const made = RawResult.of(this.#build(method, family, offset));
    this.#made.set(key, made);
    return made;
  }

  #build(method: ListMethod, family: Family, offset: number): JsonObject {
    const all = this.#lists[method];
    const items = all.slice(offset, offset + this.#pageSize);
    const shown = family === 'legacy' && method === 'tools/list' ? items.map(legacy.legacyTool) : items;
    const next = offset + this.#pageSize;
    return {
      ...this.#common,
      ...(this.#unavailable.length > 0 ? { _meta: { ...this.#meta, [unavailableKey]: this.#unavailable } } : {}),
      [memberOf[method]]: shown,
      ...(next < all.length ? { nextCursor: this.#cursor(method, next) } : {}),
    };
  }

  /** Opaque to clients: the list's version makes a cursor of an older list invalid instead of skipping items. */
  #cursor(method: ListMethod, offset: number): string {
    return Buffer.from(JSON.stringify([method, offset, this.#versionOf(method)])).toString('base64url');
  }

  #offsetOf(method: ListMethod, cursor: unknown): number {
    const parsed = typeof cursor === 'string' ? parseCursor(cursor) : undefined;
    if (!parsed || parsed.method !== method || parsed.version !== this.#versionOf(method))
      throw fail('SW_CURSOR_INVALID');
    if (parsed.offset % this.#pageSize !== 0 || parsed.offset >= this.#lists[method].length)
      throw fail('SW_CURSOR_INVALID');
    return parsed.offset;
  }

  /** A digest of the names in their order: that is what offsets depend on. */
  #versionOf(method: ListMethod): string {
    let version = this.#versions.get(method);
    if (version === undefined) {
      const names = this.#lists[method].map(({ name, uri, uriTemplate }) => uri ?? uriTemplate ?? name);
      version = createHash('sha256').update(JSON.stringify(names)).digest('base64url').slice(0, 12);
      this.#versions.set(method, version);
    }
    return version;
  }
}

/** Where a merged list names the providers that are not available. */
const unavailableKey = 'dev.seaworthy/unavailableProviders';

const isEqual = (one: readonly string[], other: readonly string[]): boolean =>
  one === other || (one.length === other.length && one.every((name, index) => name === other[index]));

function parseCursor(cursor: string): { method: string; offset: number; version: string } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    // A cursor that is not ours is answered as an invalid one, whatever is wrong with it.
    return undefined;
  }
  if (!Array.isArray(value)) return undefined;
  const [method, offset, version] = value as unknown[];
  return typeof method === 'string' && Number.isInteger(offset) && (offset as number) > 0 && typeof version === 'string'
    ? { method, offset: offset as number, version }
    : undefined;
}
