import type { Pattern, SubjectKind } from './pattern.js';

/** Something that a pattern leads to. */
export interface Entry {
  readonly pattern: Pattern;
}

/** What a pattern is matched against. */
interface Named {
  readonly provider: string;
  readonly kind: SubjectKind;
  readonly name: string;
}

/** The patterns of one provider, or of one glob over providers. */
interface Lane<Item> {
  readonly exact: Map<string, Item[]>;
  readonly globs: Item[];
}

/**
 * Patterns by provider, then by name: what a name costs depends on the globs that could concern it, not on the number
 * of rules.
 */
export class PatternIndex<Item extends Entry> {
  readonly #lanes = new Map<string, Lane<Item>>();
  readonly #anywhere: { readonly matches: (provider: string) => boolean; readonly lane: Lane<Item> }[] = [];
  #size = 0;

  constructor(items: Iterable<Item>) {
    for (const item of items) this.#add(item);
  }

  /** True where some pattern may match a name of the provider. */
  reaches(provider: string): boolean {
    return this.#lanes.has(provider) || this.#anywhere.some(({ matches }) => matches(provider));
  }

  /** The first item whose pattern matches and that `accepts` takes; `asked` is handed to it. */
  first<Asked>(
    { provider, kind, name }: Named,
    accepts: (item: Item, asked: Asked) => boolean,
    asked: Asked,
  ): Item | undefined {
    if (this.#size === 0) return undefined;
    const takes = (item: Item): boolean => isOfKind(item, kind) && accepts(item, asked);
    const lane = this.#lanes.get(provider);
    const found = lane && inLane(lane, name, takes);
    if (found) return found;
    for (const wide of this.#anywhere) {
      const elsewhere = wide.matches(provider) ? inLane(wide.lane, name, takes) : undefined;
      if (elsewhere) return elsewhere;
    }
    return undefined;
  }

  #add(item: Item): void {
    const { provider, matchesProvider, name } = item.pattern;
    this.#size++;
    const lane = provider === undefined ? emptyLane<Item>() : (this.#lanes.get(provider) ?? emptyLane<Item>());
    if (provider === undefined) this.#anywhere.push({ matches: matchesProvider, lane });
    else this.#lanes.set(provider, lane);
    if (name === undefined) lane.globs.push(item);
    else lane.exact.set(name, [...(lane.exact.get(name) ?? []), item]);
  }
}

const emptyLane = <Item>(): Lane<Item> => ({ exact: new Map(), globs: [] });

function inLane<Item extends Entry>(lane: Lane<Item>, name: string, takes: (item: Item) => boolean): Item | undefined {
  const exact = lane.exact.get(name)?.find(takes);
  if (exact) return exact;
  for (const item of lane.globs) if (item.pattern.matchesName(name) && takes(item)) return item;
  return undefined;
}

const isOfKind = ({ pattern }: Entry, kind: SubjectKind): boolean =>
  pattern.kind === undefined || pattern.kind === kind;
