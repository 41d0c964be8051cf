import { isObject } from '../../jsonrpc/index.js';
import type { JsonObject } from '../../model/index.js';

/** One argument that a request mirrors as `Mcp-Param-{header}`. */
export interface ParamHeader {
  readonly header: string;
  /** The keys that lead to it from `arguments`. */
  readonly path: readonly string[];
}

export type ParamHeaders =
  | { readonly valid: true; readonly headers: readonly ParamHeader[] }
  /** The tool must not be offered to HTTP clients. */
  | { readonly valid: false; readonly reason: string };

const annotation = 'x-mcp-header';
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const mirrorable: ReadonlySet<unknown> = new Set(['string', 'integer', 'boolean']);
const maxDepth = 64;

/** Finds the `x-mcp-header` annotations of an input schema and checks their rules (2026-07-28, transports). */
export function readParamHeaders(inputSchema: JsonObject): ParamHeaders {
  // Most schemas have none: one search of the text spares the walk.
  if (!JSON.stringify(inputSchema).includes(annotation)) return { valid: true, headers: [] };
  const headers: ParamHeader[] = [];
  const reason = walk(inputSchema, [], true, headers, 0);
  if (reason !== undefined) return { valid: false, reason };
  const names = headers.map(({ header }) => header.toLowerCase());
  if (new Set(names).size < names.length) return { valid: false, reason: `an ${annotation} is used twice` };
  return { valid: true, headers };
}

/** The argument at a path of `properties` keys; undefined where there is none. */
export function mirroredValue(given: unknown, path: readonly string[]): unknown {
  let value = given;
  for (const key of path) value = isObject(value) ? value[key] : undefined;
  return value;
}

/** `reachable`: only `properties` keys led here. Returns what is wrong, if anything. */
function walk(
  schema: unknown,
  path: readonly string[],
  reachable: boolean,
  found: ParamHeader[],
  depth: number,
): string | undefined {
  if (depth > maxDepth) return 'the schema nests too deep';
  if (Array.isArray(schema)) return firstFault(schema, (item) => walk(item, path, false, found, depth + 1));
  if (!isObject(schema)) return undefined;
  if (annotation in schema) {
    const fault = check(schema, path, reachable);
    if (fault !== undefined) return `${path.join('.') || 'the root'}: ${fault}`;
    found.push({ header: schema[annotation] as string, path });
  }
  return firstFault(Object.entries(schema), ([keyword, value]) => {
    if (opaque.has(keyword)) return undefined;
    if (!keyedBySchema.has(keyword)) return walk(value, path, false, found, depth + 1);
    const below = keyword === 'properties' && reachable;
    return firstFault(Object.entries(isObject(value) ? value : {}), ([key, child]) =>
      walk(child, below ? [...path, key] : path, below, found, depth + 1),
    );
  });
}

/** Keywords whose values are data, not schemas. */
const opaque: ReadonlySet<string> = new Set(['const', 'enum', 'default', 'examples', annotation]);
/** Keywords whose members are names of the author, not keywords. */
const keyedBySchema: ReadonlySet<string> = new Set([
  'properties',
  'patternProperties',
  '$defs',
  'definitions',
  'dependentSchemas',
]);

function check(schema: JsonObject, path: readonly string[], reachable: boolean): string | undefined {
  const header = schema[annotation];
  if (!reachable || path.length === 0) return `${annotation} is allowed on properties only`;
  if (typeof header !== 'string' || !token.test(header)) return `${annotation} is no header token`;
  if (!mirrorable.has(schema['type'])) return `${annotation} is allowed on string, integer and boolean only`;
  return undefined;
}

function firstFault<Item>(items: readonly Item[], find: (item: Item) => string | undefined): string | undefined {
  for (const item of items) {
    const fault = find(item);
    if (fault !== undefined) return fault;
  }
  return undefined;
}
