import type { JsonObject } from '#protocol/model/index.js';
import { canonicalJson } from './canonical.js';

/** One place at which two forms of a definition differ. */
export interface Change {
  /** Such as `inputSchema.properties.path.description`. */
  readonly path: string;
  /** The value there: a text as it is, anything else as JSON; undefined where there is none. */
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** Every place at which two forms of a definition differ, in the order of their paths. */
export function changesOf(before: JsonObject, after: JsonObject): Change[] {
  const [old, now] = [leavesOf(before), leavesOf(after)];
  return [...new Set([...old.keys(), ...now.keys()])]
    .filter((path) => old.get(path) !== now.get(path))
    .sort()
    .map((path) => ({ path, before: old.get(path), after: now.get(path) }));
}

/** The values of a definition by their paths; an empty object or list is a value of its own. */
function leavesOf(value: unknown, path = '', found = new Map<string, string>()): Map<string, string> {
  const isLeaf = value === null || typeof value !== 'object' || Object.keys(value).length === 0;
  if (isLeaf) return found.set(path, typeof value === 'string' ? value : canonicalJson(value));
  for (const [name, member] of Object.entries(value)) leavesOf(member, path === '' ? name : `${path}.${name}`, found);
  return found;
}

/** A run of words that both texts have, or only one of them. */
export interface WordRun {
  readonly kind: 'same' | 'removed' | 'added';
  readonly text: string;
}

/** Longer texts are shown whole: the table below grows with the product of their lengths. */
const maxWords = 2000;

/** What was taken out of a text and put into it, word by word. */
export function wordRuns(before: string, after: string): WordRun[] {
  const [old, now] = [wordsOf(before), wordsOf(after)];
  if (old.length > maxWords || now.length > maxWords)
    return [
      { kind: 'removed', text: before },
      { kind: 'added', text: after },
    ];
  const lengths = commonLengths(old, now);
  const runs: { kind: WordRun['kind']; text: string }[] = [];
  const add = (kind: WordRun['kind'], text: string) => {
    const last = runs.at(-1);
    if (last?.kind === kind) last.text += text;
    else runs.push({ kind, text });
  };
  let [i, j] = [0, 0];
  while (i < old.length || j < now.length) {
    const [a, b] = [old[i], now[j]];
    if (a !== undefined && a === b) {
      add('same', a);
      i++;
      j++;
    } else if (a !== undefined && (b === undefined || at(lengths, i + 1, j) >= at(lengths, i, j + 1))) {
      add('removed', a);
      i++;
    } else {
      add('added', b ?? '');
      j++;
    }
  }
  return runs;
}

const wordsOf = (text: string): string[] => text.match(/\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) ?? [];

/** Length of the longest common subsequence of what follows each pair of positions. */
function commonLengths(old: readonly string[], now: readonly string[]): Uint16Array[] {
  const rows = Array.from({ length: old.length + 1 }, () => new Uint16Array(now.length + 1));
  for (let i = old.length - 1; i >= 0; i--)
    for (let j = now.length - 1; j >= 0; j--)
      (rows[i] as Uint16Array)[j] =
        old[i] === now[j] ? at(rows, i + 1, j + 1) + 1 : Math.max(at(rows, i + 1, j), at(rows, i, j + 1));
  return rows;
}

const at = (rows: readonly Uint16Array[], i: number, j: number): number => rows[i]?.[j] ?? 0;
