import { fail } from '#kernel/errors/index.js';
import type { JsonObject } from '#protocol/model/index.js';
import { modern } from '#protocol/revisions/index.js';
import { decodeMirrored } from '#protocol/server/index.js';

const known = new WeakMap<JsonObject, readonly modern.ParamHeader[]>();

/**
 * `Mcp-Param-*` against the arguments that they mirror (2026-07-28, transports: `x-mcp-header`).
 * @throws SW_HEADER_MISMATCH
 */
export function checkParamHeaders(
  schema: JsonObject,
  given: JsonObject,
  header: (name: string) => string | undefined,
): void {
  for (const { header: token, path } of headersOf(schema)) {
    const value = modern.mirroredValue(given, path);
    if (value === undefined || value === null) continue;
    const name = `mcp-param-${token.toLowerCase()}`;
    const mirrored = header(name);
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

/** A tool whose annotations break the rules mirrors nothing: clients do not offer it. */
function headersOf(schema: JsonObject): readonly modern.ParamHeader[] {
  let headers = known.get(schema);
  if (!headers) {
    const read = modern.readParamHeaders(schema);
    known.set(schema, (headers = read.valid ? read.headers : []));
  }
  return headers;
}
