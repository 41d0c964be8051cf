import type { Principal } from '#kernel/context/index.js';
import type { Condition } from './condition.js';
import { RequiredScopes, type ScopeRule } from './required-scopes.js';
import { makeRights, verdictOf, type Rights, type RightsParts } from './rights.js';
import { compileRule, concerns, type AccessRule, type CompiledRule } from './rule.js';
import type { Decision, Facts, Subject } from './subject.js';

/** May this principal use this? Compiled from the rules; the order of rules does not matter. */
export interface Policy {
  rightsOf(principal: Principal): Rights;
  /** Decides, and says what became of every pattern. For people: it looks at all of them. */
  explain(principal: Principal, subject: Subject, facts?: Facts): Explanation;
}

export interface Explanation {
  readonly decision: Decision;
  readonly looked: readonly LookedAt[];
}

/** One pattern and why it did or did not count. */
export interface LookedAt {
  /** Such as `access[2].allow[0]`. */
  readonly place: string;
  readonly effect: 'allow' | 'deny';
  readonly outcome:
    | 'applies'
    | 'is about others'
    | 'does not match'
    | 'its condition is false'
    | 'its condition depends on the call'
    | 'its condition failed';
}

export interface PolicyOptions {
  /** Scopes needed besides those that tools declare. */
  readonly scopes?: readonly ScopeRule[] | undefined;
  /** Epoch milliseconds. Default: the system's clock. */
  readonly now?: (() => number) | undefined;
  readonly onFailed?: RightsParts['onFailed'] | undefined;
}

/** Rights kept for kinds of principals. */
const maxKept = 10_000;

/** Compiles the access rules. @throws SW_CONFIG_INVALID for the first wrong one, with its place */
export function compilePolicy(rules: readonly AccessRule[], options: PolicyOptions = {}): Policy {
  const conditions = new Map<string, Condition>();
  const compiled = rules.map((rule, index) => compileRule(rule, index, conditions));
  const parts: RightsParts = {
    scopes: new RequiredScopes(options.scopes ?? []),
    now: options.now ?? Date.now,
    onFailed: options.onFailed ?? (() => {}),
  };
  const directory = new RuleDirectory(compiled);
  const kept = new Map<string, Rights>();
  // Authenticators give the same object for the same credential: most questions end here.
  const known = new WeakMap<Principal, Rights>();

  function rightsOf(principal: Principal): Rights {
    const mine = known.get(principal);
    if (mine) return mine;
    const key = directory.keyOf(principal);
    let rights = kept.get(key);
    if (!rights) {
      rights = makeRights(key, principal, directory.rulesOf(principal), parts);
      if (kept.size >= maxKept) kept.clear();
      kept.set(key, rights);
    }
    known.set(principal, rights);
    return rights;
  }

  return {
    rightsOf,
    explain(principal, subject, facts) {
      const looked = compiled.flatMap((rule) => lookAt(rule, principal, subject, facts, parts.now()));
      return { decision: rightsOf(principal).admit(subject, facts), looked };
    },
  };
}

function lookAt(
  rule: CompiledRule,
  principal: Principal,
  subject: Subject,
  facts: Facts | undefined,
  now: number,
): LookedAt[] {
  return rule.patterns.map(({ place, effect, pattern }) => {
    const matches =
      (pattern.kind === undefined || pattern.kind === subject.kind) &&
      pattern.matchesProvider(subject.provider) &&
      pattern.matchesName(subject.name);
    if (!concerns(rule, principal)) return { place, effect, outcome: 'is about others' };
    if (!matches) return { place, effect, outcome: 'does not match' };
    return { place, effect, outcome: outcomes[verdictOf(rule, principal, subject, facts, now)] };
  });
}

const outcomes = {
  true: 'applies',
  false: 'its condition is false',
  open: 'its condition depends on the call',
  failed: 'its condition failed',
} as const;

/** Finds the rules of a principal without looking at those of others. */
class RuleDirectory {
  readonly #byPrincipal = new Map<string, CompiledRule[]>();
  readonly #byRole = new Map<string, CompiledRule[]>();
  readonly #byScope = new Map<string, CompiledRule[]>();
  /** Claims that conditions read, of all rules. */
  readonly #claims: readonly string[];
  readonly #readsPrincipal: boolean;

  constructor(rules: readonly CompiledRule[]) {
    for (const rule of rules) {
      const { principals, role, scopes } = rule;
      if (principals.length > 0) for (const id of new Set(principals)) file(this.#byPrincipal, id, rule);
      else if (role !== undefined) file(this.#byRole, role, rule);
      else file(this.#byScope, scopes[0] ?? '', rule);
    }
    this.#claims = [...new Set(rules.flatMap(({ when }) => [...(when?.claims ?? [])]))].sort();
    this.#readsPrincipal = rules.some(({ when }) => when?.readsPrincipal);
  }

  rulesOf(principal: Principal): CompiledRule[] {
    const candidates = [
      ...(this.#byPrincipal.get(principal.id) ?? []),
      ...[...new Set(principal.roles)].flatMap((role) => this.#byRole.get(role) ?? []),
      ...[...new Set(principal.scopes)].flatMap((scope) => this.#byScope.get(scope) ?? []),
    ];
    return candidates.filter((rule) => concerns(rule, principal));
  }

  /** Everything of a principal that a rule may look at; what none looks at makes no difference. */
  keyOf({ id, kind, name, roles, scopes, claims = {} }: Principal): string {
    const isNamed = this.#readsPrincipal || this.#byPrincipal.has(id);
    const read = this.#claims.includes('*') ? Object.keys(claims).sort() : this.#claims;
    return JSON.stringify([
      [...roles].sort(),
      scopes && [...scopes].sort(),
      isNamed ? [id, kind, name] : [],
      read.map((claim) => [claim, claims[claim]]),
    ]);
  }
}

function file(index: Map<string, CompiledRule[]>, key: string, rule: CompiledRule): void {
  const known = index.get(key);
  if (known) known.push(rule);
  else index.set(key, [rule]);
}
