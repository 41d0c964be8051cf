import { fail, reasonOf } from '#kernel/errors/index.js';
import type { JsonObject } from '#protocol/model/index.js';

/**
 * Arguments as a command line gives them: `key=value` read by the type that the tool's schema has for `key`, on top
 * of `--args`. A key given several times makes a list where the schema wants one.
 * @throws SW_USAGE
 */
export function readArguments(pairs: readonly string[], json: string | undefined, schema: JsonObject): JsonObject {
  const given: JsonObject = json === undefined ? {} : parseObject(json);
  for (const [key, texts] of group(pairs)) {
    const property = resolve((schema['properties'] as JsonObject | undefined)?.[key], schema);
    const types = typesOf(property, schema);
    if (types.includes('array') && !texts[0]?.trimStart().startsWith('[')) {
      const items = typesOf(resolve(property['items'], schema), schema);
      given[key] = texts.map((text) => readValue(key, text, items));
    } else given[key] = readValue(key, texts.at(-1) as string, types);
  }
  return given;
}

function group(pairs: readonly string[]): Map<string, string[]> {
  const grouped = new Map<string, string[]>();
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    if (at <= 0) throw fail('SW_USAGE', { reason: `Arguments have the form key=value; "${pair}" has not.` });
    const key = pair.slice(0, at);
    grouped.set(key, [...(grouped.get(key) ?? []), pair.slice(at + 1)]);
  }
  return grouped;
}

function parseObject(text: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw fail('SW_USAGE', { reason: `--args is not JSON: ${reasonOf(cause)}.` }, cause);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw fail('SW_USAGE', { reason: '--args must be a JSON object.' });
  return value as JsonObject;
}

function readValue(key: string, text: string, types: readonly string[]): unknown {
  if (types.length === 1 && types[0] === 'string') return text;
  const value = parsed(text);
  if (value !== undefined && (types.length === 0 || types.includes(typeOf(value)))) return value;
  // A whole number is a number too.
  if (typeof value === 'number' && types.includes('number')) return value;
  if (types.length === 0 || types.includes('string')) return text;
  throw fail('SW_USAGE', { reason: `${key} must be ${types.join(' or ')}, not "${text}".` });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Text that is not JSON is a string, or an error that the caller words better.
    return undefined;
  }
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : typeof value;
}

/** The types that a schema allows, as far as it says; none: anything. */
function typesOf(schema: JsonObject, root: JsonObject): string[] {
  const { type, anyOf, oneOf, enum: values } = schema;
  if (typeof type === 'string') return [type];
  if (Array.isArray(type)) return type.map(String);
  const branches = Array.isArray(anyOf) ? anyOf : oneOf;
  if (Array.isArray(branches)) return [...new Set(branches.flatMap((branch) => typesOf(resolve(branch, root), root)))];
  return Array.isArray(values) ? [...new Set(values.map(typeOf))] : [];
}

/** Follows references within the schema. */
function resolve(schema: unknown, root: JsonObject, depth = 0): JsonObject {
  if (typeof schema !== 'object' || schema === null || depth > 8) return {};
  const { $ref: reference } = schema as JsonObject;
  if (typeof reference !== 'string' || !reference.startsWith('#/')) return schema as JsonObject;
  const target = reference
    .slice(2)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>(
      (at, part) => (typeof at === 'object' && at !== null ? (at as JsonObject)[part] : undefined),
      root,
    );
  return resolve(target, root, depth + 1);
}
