/**
 * Whether a URI could come from a URI template (RFC 6570), used to find the provider of a URI. Each `{…}` stands
 * for any run of characters, or for none; the literal parts must appear in order. Linear in the URI.
 */
export function compileUriTemplate(template: string): (uri: string) => boolean {
  const literals = template.split(/\{[^}]*\}/);
  const first = literals[0] ?? '';
  const last = literals.length > 1 ? (literals.at(-1) ?? '') : '';
  const middle = literals.slice(1, -1);
  return (uri) => {
    if (literals.length === 1) return uri === first;
    if (uri.length < first.length + last.length || !uri.startsWith(first) || !uri.endsWith(last)) return false;
    let at = first.length;
    for (const literal of middle) {
      const found = uri.indexOf(literal, at);
      if (found < 0 || found + literal.length > uri.length - last.length) return false;
      at = found + literal.length;
    }
    return true;
  };
}
