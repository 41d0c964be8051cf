import type { JWTPayload } from 'jose';
import type { Principal } from '#kernel/context/index.js';

/** A role for everybody whose token holds `value` in `claim`. */
export interface RoleMapping {
  /** Name of the claim; a dot leads into it (`realm_access.roles`) where no claim has the whole name. */
  readonly claim: string;
  readonly value: string;
  readonly role: string;
}

/** The principal that a verified token stands for. */
export function principalOf(claims: JWTPayload & { iss: string; sub: string }, mappings: readonly RoleMapping[]) {
  const { preferred_username: login, client_id: client } = claims;
  const name = [login, client, claims.sub].find((one) => typeof one === 'string') as string;
  const held = mappings.filter(({ claim, value }) => holds(claimAt(claims, claim), value));
  const principal: Principal = {
    id: `oauth:${claims.iss}#${claims.sub}`,
    kind: 'oauth',
    name: name.slice(0, 100),
    roles: [...new Set(held.map(({ role }) => role))],
    scopes: wordsOf(claims['scope'] ?? claims['scp']),
    claims,
  };
  return principal;
}

const holds = (claim: unknown, value: string): boolean => wordsOf(claim).includes(value) || claim === value;

/** A list, or words in one text: both are in use for scopes. */
function wordsOf(claim: unknown): string[] {
  if (typeof claim === 'string') return claim.split(' ').filter((word) => word !== '');
  return Array.isArray(claim) ? claim.filter((word) => typeof word === 'string') : [];
}

function claimAt(claims: JWTPayload, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path];
  let at: unknown = claims;
  for (const name of path.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as Record<string, unknown>)[name];
  }
  return at;
}
