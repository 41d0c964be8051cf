import type { Principal } from '#kernel/context/index.js';
import type { Config } from '../config.js';
import { policyOf } from '../policy.js';

/** What patterns of administration begin with; no server or module may have the name. */
export const adminName = 'admin';

/**
 * The question that every route asks, answered by the one policy function. `*:*` is about what servers offer, also in
 * configurations that are older than this interface: only a pattern that names `admin` allows. Any pattern refuses, and
 * so does a rule that demands a confirmation: there is nobody to ask here.
 */
export function adminAdmission(
  { access, scopes }: Pick<Config, 'access' | 'scopes'>,
  parts: Parameters<typeof policyOf>[1],
): (principal: Principal, subject: string) => boolean {
  const own = access.map((rule) => ({
    ...rule,
    allow: rule.allow.filter((pattern) => pattern.startsWith(`${adminName}:`)),
  }));
  const policy = policyOf({ access: own, scopes }, parts);
  return (principal, name) => {
    // Nothing is left open: what a condition reads of a tool or of arguments is not there.
    const subject = { provider: adminName, kind: 'tool', name, tool: {} } as const;
    const { allowed, requiresConfirmation } = policy.rightsOf(principal).admit(subject, { args: {} });
    return allowed && !requiresConfirmation;
  };
}
