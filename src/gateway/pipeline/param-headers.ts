import { fail } from '#kernel/errors/index.js';
import { isObject } from '#protocol/jsonrpc/index.js';
import type { JsonObject } from '#protocol/model/index.js';
import { decodeMirrored } from '#protocol/server/index.js';

interface ParamHeader {
  /** Lower-case header name. */
  readonly header: string;
  readonly path: readonly string[];
}

const known = new WeakMap<JsonObject, readonly ParamHeader[]>();

/**
 * `Mcp-Param-*` against the arguments that they mirror (2026-07-28, transports: `x-mcp-header`).
 * @throws SW_HEADER_MISMATCH
 */
export function checkParamHeaders(
  schema: JsonObject,
  given: JsonObject,
  header: (name: string) => string | undefined,
): void {
  let declared = known.get(schema);
  if (!declared) known.set(schema, (declared = collect(schema, [], 0)));
  for (const { header: name, path } of declared) {
    const value = valueAt(given, path);
    const mirrored = header(name);
    if (value === undefined || value === null) continue;
    if (mirrored === undefined) throw fail('SW_HEADER_MISMATCH', { header: name, reason: 'it is missing' });
    if (!agrees(value, decodeMirrored(mirrored)))
      throw fail('SW_HEADER_MISMATCH', { header: name, reason: 'the argument has another value' });
  }
}

function agrees(value: unknown, text: string | undefined): boolean {
  if (text === undefined) return false;
  // Integers are mirrored in decimal: what `Number` reads besides (0x10, 1e1) another reader takes for another value.
  if (typeof value === 'number') return decimal.test(text) && Number(text) === value;
  return String(value) === text;
}

const decimal = /^-?\d+(?:\.\d+)?$/;

/** Only members reachable through `properties` may carry the annotation. */
function collect(schema: JsonObject, path: readonly string[], depth: number): ParamHeader[] {
  if (depth > 16 || !isObject(schema['properties'])) return [];
  return Object.entries(schema['properties']).flatMap(([name, property]) => {
    if (!isObject(property)) return [];
    const here = [...path, name];
    const header = property['x-mcp-header'];
    const own = typeof header === 'string' ? [{ header: `mcp-param-${header.toLowerCase()}`, path: here }] : [];
    return [...own, ...collect(property, here, depth + 1)];
  });
}

function valueAt(given: JsonObject, path: readonly string[]): unknown {
  let value: unknown = given;
  for (const name of path) value = isObject(value) ? value[name] : undefined;
  return value;
}
