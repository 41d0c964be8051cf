import type { Principal } from '#kernel/context/index.js';
import type { Verdict } from './condition.js';
import { PatternIndex } from './pattern-index.js';
import type { SubjectKind } from './pattern.js';
import type { CompiledRule, RulePattern } from './rule.js';
import type { RequiredScopes } from './required-scopes.js';
import type { Decision, Facts, Subject } from './subject.js';

/** The rights of everybody whom the rules treat alike. */
export interface Rights {
  /** Equal keys mean equal rights: lists are built and serialised once per key. */
  readonly key: string;
  /**
   * The one question of admission. Without facts it is the question of a list: may some call of this be allowed? With
   * facts it is the question of that call. Every call that is allowed is of something that a list shows.
   */
  admit(subject: Subject, facts?: Facts): Decision;
  /** The question of a list, by name alone. */
  admits(provider: string, kind: SubjectKind, name: string): boolean;
  /** True where anything of the provider may be allowed. */
  reaches(provider: string): boolean;
}

/** What every decision of a policy needs. */
export interface RightsParts {
  readonly scopes: RequiredScopes;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Told of the rule whose condition could not be evaluated; it was decided against the caller. */
  readonly onFailed: (place: string) => void;
}

/** One question on its way through the rules. */
interface Asked {
  readonly principal: Principal;
  readonly subject: Subject;
  readonly facts: Facts | undefined;
  readonly parts: RightsParts;
  /** The last pattern whose condition failed. */
  failed: RulePattern | undefined;
}

const none: readonly string[] = [];
const nothing = { requiresConfirmation: false, missingScopes: none, requiredScopes: none };
const noRule: Decision = { ...nothing, allowed: false, reason: 'no rule', rule: undefined };

/** @param principal one of those whom `rules` concern; all with the same key are alike */
export function makeRights(
  key: string,
  principal: Principal,
  rules: readonly CompiledRule[],
  parts: RightsParts,
): Rights {
  const patterns = rules.flatMap((rule) => rule.patterns);
  const deny = new PatternIndex(patterns.filter(({ effect }) => effect === 'deny'));
  const allow = new PatternIndex(patterns.filter(({ effect, rule }) => effect === 'allow' && !rule.confirm));
  const confirm = new PatternIndex(patterns.filter(({ effect, rule }) => effect === 'allow' && rule.confirm));

  function admit(subject: Subject, facts?: Facts): Decision {
    const asked: Asked = { principal, subject, facts, parts, failed: undefined };
    const denied = deny.first(subject, denies, asked);
    if (denied) return refusal(denied, asked.failed === denied ? 'failed' : 'denied');
    const confirming = confirm.first(subject, demandsConfirmation, asked);
    // Its condition failed: it allows nothing by itself, and asks where another rule allows.
    const isUnsure = confirming !== undefined && asked.failed === confirming;
    const allowing = isUnsure || !confirming ? allow.first(subject, allows, asked) : confirming;
    if (!allowing) return asked.failed ? refusal(asked.failed, 'failed') : noRule;
    const required = facts && principal.scopes ? parts.scopes.of(subject, facts.scopes) : none;
    const missingScopes = required.filter((scope) => !principal.scopes?.includes(scope));
    if (missingScopes.length > 0) return { ...refusal(allowing, 'scope'), missingScopes, requiredScopes: required };
    const requiresConfirmation = confirming !== undefined;
    return { ...nothing, allowed: true, reason: 'allowed', rule: allowing.place, requiresConfirmation };
  }

  return {
    key,
    admit,
    admits: (provider, kind, name) => admit({ provider, kind, name }).allowed,
    reaches: (provider) => allow.reaches(provider) || confirm.reaches(provider),
  };
}

/** What a rule's condition says; `true` where it has none, `false` where it is about other kinds of subjects. */
export function verdictOf(
  { when }: CompiledRule,
  principal: Principal,
  subject: Subject,
  facts: Facts | undefined,
  now: number,
): Verdict {
  if (!when) return 'true';
  return when.concerns(subject) ? when.verdict(principal, subject, facts, now) : 'false';
}

function judge(item: RulePattern, asked: Asked): Verdict {
  const { principal, subject, facts, parts } = asked;
  const verdict = verdictOf(item.rule, principal, subject, facts, item.rule.when ? parts.now() : 0);
  if (verdict === 'failed') {
    asked.failed = item;
    parts.onFailed(item.place);
  }
  return verdict;
}

/** A condition that fails is held against the caller; one that is open denies nothing yet. */
function denies(item: RulePattern, asked: Asked): boolean {
  const verdict = judge(item, asked);
  return verdict === 'true' || verdict === 'failed';
}

function allows(item: RulePattern, asked: Asked): boolean {
  const verdict = judge(item, asked);
  return verdict === 'true' || verdict === 'open';
}

const demandsConfirmation = (item: RulePattern, asked: Asked): boolean => judge(item, asked) !== 'false';

const refusal = ({ place }: RulePattern, reason: Decision['reason']): Decision => ({
  ...nothing,
  allowed: false,
  reason,
  rule: place,
});
