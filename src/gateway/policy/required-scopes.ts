import { compilePattern, type Pattern } from './pattern.js';
import { PatternIndex } from './pattern-index.js';
import type { Subject } from './subject.js';

/** One line of `scopes`: what a credential with scopes needs for what matches. */
export interface ScopeRule {
  /** `provider:name`, as in access rules. */
  readonly match: string;
  readonly require: readonly string[];
}

/** Scopes that operations need, besides those that tools declare themselves. */
export class RequiredScopes {
  readonly #index: PatternIndex<{ readonly pattern: Pattern; readonly require: readonly string[] }>;

  /** @throws SW_CONFIG_INVALID for a wrong pattern */
  constructor(rules: readonly ScopeRule[]) {
    this.#index = new PatternIndex(
      rules.map(({ match, require }, index) => ({ pattern: compilePattern(match, `scopes[${index}].match`), require })),
    );
  }

  /** All scopes that the operation needs. */
  of(subject: Subject, declared: readonly string[] | undefined): readonly string[] {
    const needed = new Set(declared);
    this.#index.first(subject, collect, needed);
    return [...needed];
  }
}

/** Takes none, so that it sees all. */
function collect({ require }: { readonly require: readonly string[] }, needed: Set<string>): boolean {
  for (const scope of require) needed.add(scope);
  return false;
}
