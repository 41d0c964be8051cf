import type { Principal } from '#kernel/context/index.js';
import { fail } from '#kernel/errors/index.js';
import { compileGlob } from './glob.js';

/** What can be allowed: a tool or prompt by name, a resource (or template) by URI. */
export type SubjectKind = 'tool' | 'prompt' | 'resource';

/** One line of `access`: what a role may use. Everything that no line allows is refused. */
export interface AccessRule {
  readonly role: string;
  /**
   * `provider:name`, with `*` in either part: `everything:echo`, `files:*`, `*:*`. A kind narrows it:
   * `files:tools/read_*`, `files:resources/file:///public/*`, `files:prompts/*`.
   */
  readonly allow: readonly string[];
  /** The same patterns; a match refuses, whatever allows. */
  readonly deny?: readonly string[] | undefined;
}

/** The rights of everybody with the same roles. */
export interface Rights {
  /** Equal keys mean equal rights: lists are built and serialised once per key. */
  readonly key: string;
  /**
   * The one question of admission. A list is everything for which the answer is yes, and a call asks the same.
   * @param name the provider's own name (or URI), never the shown one
   */
  admits(provider: string, kind: SubjectKind, name: string): boolean;
  /** True where anything of the provider may be allowed. */
  reaches(provider: string): boolean;
}

export interface Policy {
  rightsOf(principal: Principal): Rights;
}

interface Pattern {
  readonly provider: (id: string) => boolean;
  readonly kind: SubjectKind | undefined;
  readonly name: (name: string) => boolean;
}

/** Rights kept for combinations of roles; a key has few roles, so this is never reached in practice. */
const maxKept = 10_000;

/** Compiles the access rules. @throws SW_CONFIG_INVALID for a pattern without a provider */
export function compilePolicy(rules: readonly AccessRule[]): Policy {
  const compiled = rules.map((rule) => ({
    role: rule.role,
    allow: rule.allow.map(compilePattern),
    deny: (rule.deny ?? []).map(compilePattern),
  }));
  const kept = new Map<string, Rights>();
  return {
    rightsOf(principal) {
      const key =
        principal.roles.length === 1 ? (principal.roles[0] as string) : [...principal.roles].sort().join('\n');
      const known = kept.get(key);
      if (known) return known;
      const mine = compiled.filter((rule) => principal.roles.includes(rule.role));
      const rights = makeRights(
        key,
        mine.flatMap((rule) => rule.allow),
        mine.flatMap((rule) => rule.deny),
      );
      if (kept.size >= maxKept) kept.clear();
      kept.set(key, rights);
      return rights;
    },
  };
}

function makeRights(key: string, allow: readonly Pattern[], deny: readonly Pattern[]): Rights {
  const matches = (patterns: readonly Pattern[], provider: string, kind: SubjectKind, name: string) =>
    patterns.some(
      (pattern) =>
        (pattern.kind === undefined || pattern.kind === kind) && pattern.provider(provider) && pattern.name(name),
    );
  return {
    key,
    admits: (provider, kind, name) => matches(allow, provider, kind, name) && !matches(deny, provider, kind, name),
    reaches: (provider) => allow.some((pattern) => pattern.provider(provider)),
  };
}

const kinds: Readonly<Record<string, SubjectKind>> = { tools: 'tool', prompts: 'prompt', resources: 'resource' };

function compilePattern(text: string): Pattern {
  const colon = text.indexOf(':');
  if (colon <= 0 || colon === text.length - 1)
    throw fail('SW_CONFIG_INVALID', { reason: `access pattern "${text}" must have the form provider:name` });
  const rest = text.slice(colon + 1);
  const slash = rest.indexOf('/');
  const kind = slash < 0 ? undefined : kinds[rest.slice(0, slash)];
  return {
    provider: compileGlob(text.slice(0, colon)),
    kind,
    name: compileGlob(kind === undefined ? rest : rest.slice(slash + 1)),
  };
}
