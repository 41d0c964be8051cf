import { isUtf8 } from 'node:buffer';
import { fail } from '#kernel/errors/index.js';
import { parseMembers, survey } from './scan.js';

/** A body read strictly, with what parsing would have lost. */
export interface StrictJson {
  readonly value: unknown;
  /** True where a number has more digits than a double keeps; `rawArguments` then has the exact text. */
  readonly wideNumber: boolean;
}

/**
 * Parses one JSON text from outside: UTF-8 only, nesting bounded, no repeated member anywhere, and no two members
 * that differ only in case in the places that decide what happens (message, params, `_meta`, arguments): a
 * case-insensitive parser behind us would read another call than the one we allowed.
 * @throws SW_JSON_PARSE, SW_JSON_TOO_DEEP, SW_JSON_DUPLICATE_KEY
 */
export function parseStrict(bytes: Buffer, maxDepth: number): StrictJson {
  if (!isUtf8(bytes)) throw fail('SW_JSON_PARSE', { reason: 'it is not UTF-8' });
  const { members, wideNumber } = survey(bytes, maxDepth);
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw fail('SW_JSON_PARSE', { reason: 'it does not follow the grammar' }, cause);
  }
  if (countMembers(value) !== members) throw fail('SW_JSON_DUPLICATE_KEY', { key: 'a repeated name' });
  if (Array.isArray(value)) for (const message of value) refuseCaseVariants(message);
  else refuseCaseVariants(value);
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

const messageMembers = new Map(['jsonrpc', 'id', 'method', 'params', 'result', 'error'].map((name) => [name, name]));

function refuseCaseVariants(message: unknown): void {
  if (!isObject(message)) return;
  for (const name of Object.keys(message))
    if (!messageMembers.has(name) && messageMembers.has(name.toLowerCase()))
      throw fail('SW_JSON_DUPLICATE_KEY', { key: name });
  const params = message['params'];
  if (!isObject(params)) return;
  refuseTwins(params);
  if (isObject(params['_meta'])) refuseTwins(params['_meta']);
  if (isObject(params['arguments'])) refuseTwins(params['arguments']);
}

function refuseTwins(object: Record<string, unknown>): void {
  const names = Object.keys(object);
  if (names.length < 2) return;
  const seen = new Set<string>();
  for (const name of names) {
    const folded = name.toLowerCase();
    if (seen.has(folded)) throw fail('SW_JSON_DUPLICATE_KEY', { key: name });
    seen.add(folded);
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
