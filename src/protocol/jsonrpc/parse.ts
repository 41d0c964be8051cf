import { isUtf8 } from 'node:buffer';
import { fail } from '#kernel/errors/index.js';
import { parseMembers, parseText, survey } from './scan.js';

/** A body read strictly, with what parsing would have lost. */
export interface StrictJson {
  readonly value: unknown;
  /** True where a number may be more than a double keeps; `argumentsTextOf` then gives the exact text. */
  readonly wideNumber: boolean;
}

/**
 * Parses one JSON text from outside: UTF-8 only, nesting bounded, no repeated member anywhere, and no member
 * that differs from another, or from the specification's name, only in case in the places that decide what happens
 * (message, params, `_meta`, arguments): a case-insensitive parser behind us would read another call than the one we
 * allowed.
 * @throws SW_JSON_PARSE, SW_JSON_TOO_DEEP, SW_JSON_DUPLICATE_KEY
 */
export function parseStrict(bytes: Buffer, maxDepth: number): StrictJson {
  if (!isUtf8(bytes)) throw fail('SW_JSON_PARSE', { reason: 'it is not UTF-8' });
  const { members, wideNumber } = survey(bytes, maxDepth);
  const value = parseText(bytes);
  if (countMembers(value) !== members) throw fail('SW_JSON_DUPLICATE_KEY', { key: 'a repeated name' });
  if (Array.isArray(value)) for (const message of value) refuseMessageVariants(message);
  else refuseMessageVariants(value);
  return { value, wideNumber };
}

function countMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) for (const item of value) count += countMembers(item);
  else
    for (const name in value) {
      count++;
      const member = (value as Record<string, unknown>)[name];
      if (typeof member === 'object') count += countMembers(member);
    }
  return count;
}

/**
 * The way case-insensitive JSON parsers compare names. Both conversions are needed: U+017F (long s) folds to `s` only
 * by way of its capital, U+212A (the Kelvin sign) to `k` only directly.
 */
function fold(name: string): string {
  const known = folded.get(name);
  if (known !== undefined) return known;
  const result = name.toUpperCase().toLowerCase();
  // Clients send the same few names for ever; whoever sends others pays for them.
  if (name.length <= 64 && folded.size < maxFolded) folded.set(name, result);
  return result;
}

const folded = new Map<string, string>();
const maxFolded = 4096;

type Spellings = ReadonlyMap<string, string>;
const spellings = (...names: string[]): Spellings => new Map(names.map((name) => [fold(name), name]));

const messageMembers = spellings('jsonrpc', 'id', 'method', 'params', 'result', 'error');
/** The members of params that decide what is called, with what, and what the caller may see. */
const paramsMembers = spellings(
  ...['name', 'arguments', 'uri', 'ref', 'argument', 'cursor', '_meta', 'level', 'requestId'],
  ...['requestState', 'inputResponses', 'protocolVersion', 'capabilities', 'clientInfo', 'notifications'],
);
const noSpellings = spellings();

function refuseMessageVariants(message: unknown): void {
  if (!isObject(message)) return;
  refuseVariants(message, messageMembers);
  const params = message['params'];
  if (!isObject(params)) return;
  refuseVariants(params, paramsMembers);
  if (isObject(params['_meta'])) refuseVariants(params['_meta'], noSpellings);
  if (isObject(params['arguments'])) refuseVariants(params['arguments'], noSpellings);
}

/** Refuses two names that fold to one, and a name that folds to a known one without being it. */
function refuseVariants(object: Record<string, unknown>, known: Spellings): void {
  const names = Object.keys(object);
  // One name has no twin: the set is made for more.
  const seen = names.length > 1 ? new Set<string>() : undefined;
  for (const name of names) {
    const same = fold(name);
    if (seen?.has(same) || (known.get(same) ?? name) !== name) throw fail('SW_JSON_DUPLICATE_KEY', { key: name });
    seen?.add(same);
  }
}

/** True for a JSON object (not an array, not null). */
export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The exact text of `params.arguments`, for a body whose numbers a double cannot hold. */
export function argumentsTextOf(bytes: Buffer): string | undefined {
  const params = parseMembers(bytes).get('params');
  if (!params || bytes[params.start] !== 0x7b) return undefined;
  const span = parseMembers(bytes.subarray(params.start, params.end)).get('arguments');
  return span && bytes.toString('utf8', params.start + span.start, params.start + span.end);
}
