/**
 * JSON in the canonical form of RFC 8785 (JCS): members in the order of their UTF-16 code units, numbers and texts as
 * ECMAScript writes them, no white space. A lone surrogate, which the RFC refuses, is written as its escape: an item
 * that holds one must still have a hash.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value ?? null);
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
}
