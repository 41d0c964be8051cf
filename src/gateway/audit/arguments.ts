import { looksSecret, namesSecret, type KnownSecrets } from '#kernel/secrets/index.js';
import { isObject } from '#protocol/jsonrpc/index.js';

/** What is kept of the arguments of a call: nothing, names and types, or values with secrets masked. */
export type ArgumentsMode = 'none' | 'shape' | 'redacted';

const maxDepth = 4;
const maxNames = 32;
const maxItems = 16;
const maxNameLength = 64;
const maxTextLength = 256;
const masked = '[secret]';

/**
 * The kept form of arguments. `shape` replaces each value by its type, and size where it has one: `string(12)`,
 * `array(3)`. `redacted` keeps values, at most 256 characters of a text; names and values that look secret are masked
 * in both. What lies deeper than 4 levels or beyond 32 members is counted, not kept.
 */
export function keptArguments(value: unknown, mode: ArgumentsMode, secrets: KnownSecrets): unknown {
  if (mode === 'none' || value === undefined) return undefined;
  return mode === 'shape' ? shapeOf(value, secrets, 0) : redactedOf(value, secrets, 0);
}

function shapeOf(value: unknown, secrets: KnownSecrets, depth: number): unknown {
  if (typeof value === 'string') return `string(${value.length})`;
  if (Array.isArray(value)) return `array(${value.length})`;
  if (!isObject(value)) return value === null ? 'null' : typeof value;
  if (depth >= maxDepth) return `object(${Object.keys(value).length})`;
  return membersOf(value, secrets, (_name, member) => shapeOf(member, secrets, depth + 1));
}

function redactedOf(value: unknown, secrets: KnownSecrets, depth: number): unknown {
  if (typeof value === 'string') return redactedText(value, secrets);
  if (Array.isArray(value)) {
    if (depth >= maxDepth) return `array(${value.length})`;
    const kept = value.slice(0, maxItems).map((item) => redactedOf(item, secrets, depth + 1));
    return value.length > maxItems ? [...kept, `… ${value.length - maxItems} more`] : kept;
  }
  if (!isObject(value)) return value;
  if (depth >= maxDepth) return `object(${Object.keys(value).length})`;
  return membersOf(value, secrets, (name, member) =>
    namesSecret(name) ? masked : redactedOf(member, secrets, depth + 1),
  );
}

function membersOf(
  value: Readonly<Record<string, unknown>>,
  secrets: KnownSecrets,
  keep: (name: string, member: unknown) => unknown,
): Record<string, unknown> {
  const names = Object.keys(value);
  const kept: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const name of names.slice(0, maxNames)) kept[safeName(name, secrets)] = keep(name, value[name]);
  if (names.length > maxNames) kept['…'] = `${names.length - maxNames} more`;
  return kept;
}

/** A client may send a secret as a name, too. */
const safeName = (name: string, secrets: KnownSecrets): string =>
  looksSecret(name) ? masked : secrets.mask(name).slice(0, maxNameLength);

/** Masked before it is cut, so that no part of a secret is left at the cut. */
function redactedText(text: string, secrets: KnownSecrets): string {
  const words = text.split(/(\s+)/);
  const safe = secrets.mask(words.map((word) => (looksSecret(word) ? masked : word)).join(''));
  return safe.length > maxTextLength ? `${safe.slice(0, maxTextLength)}…` : safe;
}
