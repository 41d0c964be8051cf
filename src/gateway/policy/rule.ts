import type { Principal } from '#kernel/context/index.js';
import { fail } from '#kernel/errors/index.js';
import { compileCondition, type Condition } from './condition.js';
import { compilePattern, type Pattern } from './pattern.js';

/** One line of `access`: who may use what. Everything that no line allows is refused, and what one denies is too. */
export interface AccessRule {
  /** Of the principals that it concerns at least one of role, scopes and principals is said; all said must hold. */
  readonly role?: string | undefined;
  /** Scopes that the credential has, all of them. */
  readonly scopes?: readonly string[] | undefined;
  /** Ids, such as `key:3f…`. */
  readonly principals?: readonly string[] | undefined;
  /**
   * `provider:name`, with `*` in either part: `everything:echo`, `files:*`, `*:*`. A kind narrows it:
   * `files:tools/read_*`, `files:resources/file:///public/*`, `files:prompts/*`.
   */
  readonly allow: readonly string[];
  /** The same patterns; a match refuses, whatever allows. */
  readonly deny?: readonly string[] | undefined;
  /** The rule holds where this is true: CEL over tool.annotations, args, claims, principal, provider, name, time. */
  readonly when?: string | undefined;
  /** What it allows is done only after the person behind the client has agreed to the call. */
  readonly confirm?: boolean | undefined;
}

/** One pattern of a rule. */
export interface RulePattern {
  readonly effect: 'allow' | 'deny';
  readonly rule: CompiledRule;
  readonly pattern: Pattern;
  /** Such as `access[2].allow[0]`. */
  readonly place: string;
}

export interface CompiledRule {
  readonly role: string | undefined;
  readonly scopes: readonly string[];
  readonly principals: readonly string[];
  readonly when: Condition | undefined;
  readonly confirm: boolean;
  readonly patterns: readonly RulePattern[];
}

/**
 * @param known conditions by their text
 * @throws SW_CONFIG_INVALID for a rule that concerns nobody, a wrong pattern or a wrong condition
 */
export function compileRule(given: AccessRule, index: number, known: Map<string, Condition>): CompiledRule {
  const place = `access[${index}]`;
  const { role, scopes = [], principals = [], allow, deny = [], when, confirm = false } = given;
  if (role === undefined && scopes.length === 0 && principals.length === 0)
    throw fail('SW_CONFIG_INVALID', { reason: `${place}: say whom it concerns, by role, scopes or principals` });
  const patterns: RulePattern[] = [];
  const rule = {
    role,
    scopes,
    principals,
    when: when === undefined ? undefined : conditionOf(when, `${place}.when`, known),
    confirm,
    patterns,
  };
  for (const [effect, texts] of [['allow', allow] as const, ['deny', deny] as const])
    for (const [at, text] of texts.entries()) {
      const where = `${place}.${effect}[${at}]`;
      patterns.push({ effect, rule, pattern: compilePattern(text, where), place: where });
    }
  return rule;
}

/** Rules often share a condition: it is compiled once. */
function conditionOf(text: string, place: string, known: Map<string, Condition>): Condition {
  const condition = known.get(text) ?? compileCondition(text, place);
  known.set(text, condition);
  return condition;
}

/** True where the rule is about this principal. */
export const concerns = ({ role, scopes, principals }: CompiledRule, principal: Principal): boolean =>
  (role === undefined || principal.roles.includes(role)) &&
  (principals.length === 0 || principals.includes(principal.id)) &&
  scopes.every((scope) => principal.scopes?.includes(scope));
