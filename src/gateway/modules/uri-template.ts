import { fail } from '#kernel/errors/index.js';

/** A compiled URI template. */
export interface UriTemplate {
  /** Names of the variables, in order. */
  readonly variables: readonly string[];
  /** The values where the URI fits, else undefined. Linear in the length of the URI. */
  match(uri: string): Record<string, string> | undefined;
}

interface Variable {
  readonly name: string;
  /** `{+name}`: takes any characters, and gives them as they stand. */
  readonly reserved: boolean;
}

const expression = /\{(\+?)([A-Za-z_][A-Za-z0-9_]*)\}/g;

/**
 * Compiles a URI template of RFC 6570 level 1 (`{name}`: one or more characters but `/`, `?` and `#`, percent-decoded)
 * with at most one `{+name}` (level 2: one or more of any characters, not decoded, because `%2F` and `/` differ there).
 * @throws SW_MODULE_INVALID for any other expression, and where two variables touch
 */
export function compileUriTemplate(template: string, module = 'unnamed'): UriTemplate {
  const { literals, variables } = parse(template, module);
  const reservedAt = variables.findIndex((variable) => variable.reserved);
  const names = variables.map((variable) => variable.name);
  return {
    variables: names,
    match(uri) {
      const values = cut(uri, literals, reservedAt < 0 ? variables.length : reservedAt);
      return values && decode(values, variables);
    },
  };
}

function parse(template: string, module: string): { literals: string[]; variables: Variable[] } {
  const invalid = (reason: string) =>
    fail('SW_MODULE_INVALID', { module, reason: `URI template ${template}: ${reason}` });
  const literals: string[] = [];
  const variables: Variable[] = [];
  let end = 0;
  for (const { index, 0: whole, 1: operator, 2: name } of template.matchAll(expression)) {
    literals.push(template.slice(end, index));
    variables.push({ name: name as string, reserved: operator === '+' });
    end = index + whole.length;
  }
  literals.push(template.slice(end));
  if (literals.some((literal) => /[{}]/.test(literal))) throw invalid('only {name} and {+name} are supported');
  if (literals.slice(1, -1).includes('')) throw invalid('two variables touch');
  if (variables.filter(({ reserved }) => reserved).length > 1) throw invalid('more than one {+name}');
  if (new Set(variables.map(({ name }) => name)).size < variables.length) throw invalid('a name appears twice');
  return { literals, variables };
}

/**
 * Cuts the URI at the literals. Before the reserved variable each literal is taken at its first place, after it at its
 * last place, counted from the end; what is left in the middle is the reserved variable. No other choice could fit
 * where this one does not: plain variables exclude the same characters, so a later place only makes them longer.
 */
function cut(uri: string, literals: readonly string[], reservedAt: number): string[] | undefined {
  const first = literals[0] as string;
  if (!uri.startsWith(first)) return undefined;
  if (literals.length === 1) return uri === first ? [] : undefined;
  const last = literals.at(-1) as string;
  let end = uri.length - last.length;
  let start = first.length;
  if (end < start || !uri.endsWith(last)) return undefined;
  const front: string[] = [];
  for (let i = 1; i <= reservedAt && i < literals.length - 1; i++) {
    const literal = literals[i] as string;
    const at = uri.indexOf(literal, start + 1);
    if (at < 0 || at + literal.length > end) return undefined;
    front.push(uri.slice(start, at));
    start = at + literal.length;
  }
  const back: string[] = [];
  for (let i = literals.length - 2; i > reservedAt; i--) {
    const literal = literals[i] as string;
    const at = uri.lastIndexOf(literal, end - 1 - literal.length);
    if (at < start) return undefined;
    back.unshift(uri.slice(at + literal.length, end));
    end = at;
  }
  return [...front, uri.slice(start, end), ...back];
}

const excluded = /[/?#]/;

function decode(values: readonly string[], variables: readonly Variable[]): Record<string, string> | undefined {
  const decoded: Record<string, string> = {};
  for (const [i, { name, reserved }] of variables.entries()) {
    const value = values[i];
    if (!value || (!reserved && excluded.test(value))) return undefined;
    const text = reserved ? value : percentDecoded(value);
    if (text === undefined) return undefined;
    decoded[name] = text;
  }
  return decoded;
}

function percentDecoded(value: string): string | undefined {
  if (!value.includes('%')) return value;
  try {
    return decodeURIComponent(value);
  } catch (malformed) {
    if (malformed instanceof URIError) return undefined;
    throw malformed;
  }
}
