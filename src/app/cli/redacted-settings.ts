import { isSecretReference, looksSecret, namesSecret, urlPassword } from '#kernel/secrets/index.js';

export interface ShownSetting {
  /** Dotted path, as everywhere in messages. */
  readonly path: string;
  readonly value: unknown;
  readonly source: string;
}

const hidden = '[secret]';

/**
 * Every setting as one row, secrets hidden: fields that are declared secret, and in the free parts (`env`, `headers`,
 * settings of modules) whatever is named or looks like one.
 * @param sources where each value comes from; its keys are the paths, in the order of the schema
 * @param schema of the configuration, where `writeOnly` marks a secret
 */
export function redactedSettings(
  config: unknown,
  sources: ReadonlyMap<string, string>,
  schema: Readonly<Record<string, unknown>>,
): ShownSetting[] {
  return [...sources].map(([path, source]) => {
    const keys = keysOf(path);
    const value = keys.reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], config);
    const isSecret = isDeclaredSecret(schema, keys) && source !== 'default';
    return { path, value: isSecret ? hidden : redact(value, keys.at(-1) ?? ''), source };
  });
}

/** `mcpServers.x.env["A B"]` as its keys. */
const keysOf = (path: string): string[] =>
  [...path.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|[^.[\]]+/g)].map(([whole, quoted, index]) =>
    quoted !== undefined ? (JSON.parse(`"${quoted}"`) as string) : (index ?? whole),
  );

function isDeclaredSecret(schema: unknown, keys: readonly string[]): boolean {
  const found = keys.reduce<unknown>((at, key) => {
    const { properties, additionalProperties } = (at ?? {}) as Record<string, unknown>;
    return (properties as Record<string, unknown> | undefined)?.[key] ?? additionalProperties;
  }, schema);
  return (found as { writeOnly?: unknown } | undefined)?.writeOnly === true;
}

function redact(value: unknown, name: string): unknown {
  if (Array.isArray(value)) return value.map((item, i) => redact(item, optionBefore(value, i) ?? ''));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, redact(child, key)]));
  if (typeof value !== 'string' || isSecretReference(value) || value.includes('${')) return value;
  if (namesSecret(name) || looksSecret(value)) return hidden;
  const [, option, rest] = /^(--?[\w-]+=|[\w-]+: ?)(.+)$/.exec(value) ?? [];
  if (option !== undefined && rest !== undefined && (namesSecret(option) || looksSecret(rest)))
    return `${option}${hidden}`;
  return redactUrl(value);
}

/** The password and the secret query parameters of an address. */
function redactUrl(text: string): string {
  const password = urlPassword(text);
  const rest = password === undefined ? text : text.replace(`:${password}@`, `:${hidden}@`);
  return rest.replace(/([?&])([^=&#]+)=([^&#]+)/g, (whole, mark: string, name: string, value: string) =>
    namesSecret(name) || looksSecret(value) ? `${mark}${name}=${hidden}` : whole,
  );
}

/** `--token` before a list's item names it. */
function optionBefore(list: readonly unknown[], i: number): string | undefined {
  const before = list[i - 1];
  return typeof before === 'string' && /^--?[A-Za-z][\w-]*$/.test(before) ? before : undefined;
}
