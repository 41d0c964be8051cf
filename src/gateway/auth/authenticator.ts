import { userInfo } from 'node:os';
import type { Principal } from '#kernel/context/index.js';
import type { Credentials } from '#protocol/server/index.js';

/** Turns credentials into a principal, or refuses. */
export interface Authenticator {
  /** @throws SW_UNAUTHENTICATED */
  authenticate(credentials: Credentials): Principal | Promise<Principal>;
}

/** Roles of everybody, where the operator wrote `auth.mode: none`. */
const anonymous: Principal = { id: 'anonymous', kind: 'anonymous', name: 'anonymous', roles: ['anonymous'] };

/** `auth.mode: none`: everybody is the same principal. */
export const openToAll: Authenticator = { authenticate: () => anonymous };

/** The user who started `seaworthy stdio`: whoever can start it already has this user's rights. */
export function localUser(roles: readonly string[]): Principal {
  const { uid, username } = userInfo();
  return { id: `local:${uid}`, kind: 'local', name: username, roles };
}
