import { fail } from '#kernel/errors/index.js';
import { compileGlob } from './glob.js';

/** What can be allowed: a tool or prompt by name, a resource (or template) by URI. */
export type SubjectKind = 'tool' | 'prompt' | 'resource';

/** `provider:name` of a rule, compiled; always matched against original names. */
export interface Pattern {
  /** The provider itself where the pattern has no `*` in it. */
  readonly provider: string | undefined;
  readonly matchesProvider: (id: string) => boolean;
  readonly kind: SubjectKind | undefined;
  /** The name itself where the pattern has no `*` in it. */
  readonly name: string | undefined;
  readonly matchesName: (name: string) => boolean;
}

const kinds: Readonly<Record<string, SubjectKind>> = { tools: 'tool', prompts: 'prompt', resources: 'resource' };

/**
 * Compiles `provider:name` or `provider:tools/name`; `*` stands for any run of characters in either part.
 * @param place where it is written, such as `access[2].allow[0]`
 * @throws SW_CONFIG_INVALID without a provider or a name
 */
export function compilePattern(text: string, place: string): Pattern {
  const colon = text.indexOf(':');
  if (colon <= 0 || colon === text.length - 1)
    throw fail('SW_CONFIG_INVALID', { reason: `${place}: the pattern "${text}" must have the form provider:name` });
  const rest = text.slice(colon + 1);
  const slash = rest.indexOf('/');
  const word = slash < 0 ? '' : rest.slice(0, slash);
  const kind = Object.hasOwn(kinds, word) ? kinds[word] : undefined;
  const provider = text.slice(0, colon);
  const name = kind === undefined ? rest : rest.slice(slash + 1);
  return {
    provider: provider.includes('*') ? undefined : provider,
    matchesProvider: compileGlob(provider),
    kind,
    name: name.includes('*') ? undefined : name,
    matchesName: compileGlob(name),
  };
}
