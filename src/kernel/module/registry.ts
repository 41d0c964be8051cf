import { fail } from '#kernel/errors/index.js';

const idPattern = /^[a-z][a-z0-9-]{0,31}$/;

/**
 * Refuses an id that cannot be a configuration key, log name, metric label and prefix at once.
 * @throws SW_MODULE_INVALID
 */
export function checkModuleId(id: string): void {
  if (!idPattern.test(id))
    throw fail('SW_MODULE_INVALID', { module: id, reason: `its id does not match ${idPattern.source}` });
}

/** Things by id, in the order they were added. Passed in by whoever builds it: there is no global one. */
export class Registry<Item extends { readonly id: string }> {
  readonly #items = new Map<string, Item>();

  constructor(items: Iterable<Item> = []) {
    for (const item of items) this.add(item);
  }

  /** @throws SW_MODULE_INVALID for a malformed id, and for one that is taken */
  add(item: Item): void {
    checkModuleId(item.id);
    if (this.#items.has(item.id)) throw fail('SW_MODULE_INVALID', { module: item.id, reason: 'its id is taken' });
    this.#items.set(item.id, item);
  }

  get(id: string): Item | undefined {
    return this.#items.get(id);
  }

  get ids(): readonly string[] {
    return [...this.#items.keys()];
  }

  [Symbol.iterator](): Iterator<Item> {
    return this.#items.values();
  }
}
