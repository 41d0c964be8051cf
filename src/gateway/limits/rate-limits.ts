import { fail, type SeaworthyError } from '#kernel/errors/index.js';
import type { Rates, RateRule, RateVerdict } from '#kernel/shared/index.js';
import { compileGlob } from '../policy/index.js';
import { addressKey } from './address-key.js';

/** What is counted apart. The name is the policy in the `RateLimit` headers, a metric label and part of error data. */
export type RateTier = 'address' | 'health' | 'login' | 'api' | 'listen' | 'tool';

/** A rate for the tools of some patterns: every principal has a bucket for each rule. */
export interface ToolRate extends RateRule {
  /** `provider:name` by the provider's own names, `*` in either part. */
  readonly tools: readonly string[];
}

export interface RateRules {
  /** Everything that comes from one address, before anybody is authenticated. */
  readonly address: RateRule;
  /** The addresses that need no key, and those of operators, by client address. */
  readonly health: RateRule;
  /** Credentials that were not accepted, by client address. */
  readonly login: RateRule;
  /** Requests of one principal. */
  readonly api: RateRule;
  /** Streams and subscriptions that one principal opens. */
  readonly listen: RateRule;
  readonly tools: readonly ToolRate[];
}

export interface RateLimitsOptions {
  /** Buckets that replicas agree on: principals and logins. */
  readonly shared: Rates;
  /**
   * Buckets of this process: addresses. A flood of them must reach neither the network nor the buckets of principals,
   * which it could push out.
   */
  readonly local: { take(key: string, rule: RateRule): RateVerdict };
  readonly rules: RateRules;
  /** Told of every refusal. */
  readonly onLimited: (tier: RateTier) => void;
}

/** Tools whose rules are remembered; a client can only name tools that exist, so this is never reached in practice. */
const maxKnownTools = 100_000;

/** The rates of one configuration. Synchronous wherever the buckets are; every refusal is SW_RATE_LIMITED. */
export class RateLimits {
  readonly #options: RateLimitsOptions;
  readonly #toolRules: readonly (ToolRate & { readonly key: string; readonly matches: ToolMatch })[];
  readonly #knownTools = new Map<string, readonly (ToolRate & { readonly key: string })[]>();

  /** @throws SW_CONFIG_INVALID for a tool pattern without a provider */
  constructor(options: RateLimitsOptions) {
    this.#options = options;
    this.#toolRules = options.rules.tools.map((rule) => ({
      ...rule,
      // By content, so that a bucket survives a reload that moves its rule.
      key: `tool:${rule.tools.join(',')}`,
      matches: compileTools(rule.tools),
    }));
  }

  /** One request of an address, whatever it asks for. @throws SW_RATE_LIMITED */
  enter(address: string | undefined): void {
    this.#takeLocal('address', address);
  }

  /** One request to an address that needs no key. @throws SW_RATE_LIMITED */
  health(address: string | undefined): void {
    this.#takeLocal('health', address);
  }

  /**
   * One credential that was not accepted. @throws SW_RATE_LIMITED, and SW_SHARED_UNAVAILABLE where replicas cannot
   * agree: who guesses must not get a fresh count of tries from every replica.
   */
  login(address: string | undefined): void | Promise<void> {
    const rule = this.#options.rules.login;
    return this.#settle(this.#options.shared.take(`login:${addressKey(address)}`, rule), 'login', rule, true);
  }

  /** One request of a principal. @throws SW_RATE_LIMITED */
  api(principalId: string): void | Promise<void> {
    const rule = this.#options.rules.api;
    return this.#settle(this.#options.shared.take(`api:${principalId}`, rule), 'api', rule);
  }

  /** One stream or subscription that a principal opens. @throws SW_RATE_LIMITED */
  listen(principalId: string): void | Promise<void> {
    const rule = this.#options.rules.listen;
    return this.#settle(this.#options.shared.take(`listen:${principalId}`, rule), 'listen', rule);
  }

  /** One call of a tool, by the provider's own name. @throws SW_RATE_LIMITED */
  tool(principalId: string, provider: string, name: string): void | Promise<void> {
    if (this.#toolRules.length === 0) return;
    let waiting: Promise<void> | undefined;
    for (const rule of this.#rulesOf(provider, name)) {
      const take = () => this.#settle(this.#options.shared.take(`${rule.key}:${principalId}`, rule), 'tool', rule);
      if (waiting) waiting = waiting.then(take);
      else waiting = take() ?? undefined;
    }
    return waiting;
  }

  #rulesOf(provider: string, name: string): readonly (ToolRate & { readonly key: string })[] {
    const id = `${provider}:${name}`;
    const known = this.#knownTools.get(id);
    if (known) return known;
    const rules = this.#toolRules.filter(({ matches }) => matches(provider, name));
    if (this.#knownTools.size >= maxKnownTools) this.#knownTools.clear();
    this.#knownTools.set(id, rules);
    return rules;
  }

  #takeLocal(tier: 'address' | 'health', address: string | undefined): void {
    const rule = this.#options.rules[tier];
    this.#require(this.#options.local.take(`${tier}:${addressKey(address)}`, rule), tier, rule);
  }

  #settle(
    verdict: RateVerdict | Promise<RateVerdict>,
    tier: RateTier,
    rule: RateRule,
    mustAgree = false,
  ): void | Promise<void> {
    if (verdict instanceof Promise) return verdict.then((known) => this.#require(known, tier, rule, mustAgree));
    this.#require(verdict, tier, rule, mustAgree);
  }

  #require(verdict: RateVerdict, tier: RateTier, rule: RateRule, mustAgree = false): void {
    if (mustAgree && verdict.local) throw fail('SW_SHARED_UNAVAILABLE', { retryAfterSeconds: 1 });
    if (verdict.allowed) return;
    this.#options.onLimited(tier);
    throw limited(tier, rule, verdict.retryAfterMs);
  }
}

const limited = (tier: RateTier, rule: RateRule, retryAfterMs: number): SeaworthyError =>
  fail('SW_RATE_LIMITED', {
    tier,
    limit: rule.limit,
    windowSeconds: rule.windowMs / 1000,
    retryAfterSeconds: Math.max(1, Math.ceil(retryAfterMs / 1000)),
  });

type ToolMatch = (provider: string, name: string) => boolean;

function compileTools(patterns: readonly string[]): ToolMatch {
  const compiled = patterns.map((pattern) => {
    const colon = pattern.indexOf(':');
    if (colon <= 0 || colon === pattern.length - 1)
      throw fail('SW_CONFIG_INVALID', { reason: `rate pattern "${pattern}" must have the form provider:name` });
    return { provider: compileGlob(pattern.slice(0, colon)), name: compileGlob(pattern.slice(colon + 1)) };
  });
  return (provider, name) => compiled.some((each) => each.provider(provider) && each.name(name));
}
