import { userInfo } from 'node:os';
import type { Principal } from '#kernel/context/index.js';
import { fail } from '#kernel/errors/index.js';
import type { Credentials } from '#protocol/server/index.js';
import { hashKey } from './api-key.js';
import type { KeyRecord } from './key-store.js';

/** Turns credentials into a principal, or refuses. */
export interface Authenticator {
  /** @throws SW_UNAUTHENTICATED */
  authenticate(credentials: Credentials): Principal | Promise<Principal>;
}

/** Roles of everybody, where the operator wrote `auth.mode: none`. */
const anonymous: Principal = { id: 'anonymous', kind: 'anonymous', name: 'anonymous', roles: ['anonymous'] };

interface KnownKey {
  readonly principal: Principal;
  readonly expiresAt: number;
}

/** Keys in use that are remembered as they were sent; emptied whenever the set of keys changes. */
const maxRecent = 1000;

/** `auth.mode: none`: everybody is the same principal. */
export const openToAll: Authenticator = { authenticate: () => anonymous };

/** The user who started `seaworthy stdio`: whoever can start it already has this user's rights. */
export function localUser(roles: readonly string[]): Principal {
  const { uid, username } = userInfo();
  return { id: `local:${uid}`, kind: 'local', name: username, roles };
}

/**
 * API keys, looked up by hash in memory. The set is replaced whole when the database changes, so a revoked key stops
 * working within the time between two looks.
 */
export class KeyAuthenticator implements Authenticator {
  readonly #now: () => number;
  #keys: ReadonlyMap<string, KnownKey> = new Map();
  readonly #recent = new Map<string, KnownKey>();

  constructor(now: () => number) {
    this.#now = now;
  }

  replace(records: readonly KeyRecord[]): void {
    this.#recent.clear();
    this.#keys = new Map(
      records
        .filter(({ revokedAt }) => revokedAt === undefined)
        .map(({ id, name, hash, roles, expiresAt }) => [
          hash,
          { principal: { id: `key:${id}`, kind: 'key', name, roles }, expiresAt: expiresAt ?? Infinity },
        ]),
    );
  }

  authenticate({ header }: Credentials): Principal {
    const key = presentedKey(header);
    const found = key === undefined ? undefined : this.#find(key);
    if (!found || found.expiresAt <= this.#now()) throw fail('SW_UNAUTHENTICATED');
    return found.principal;
  }

  /** A key in use is looked up by itself: hashing it costs more than the rest of the look-up. */
  #find(key: string): KnownKey | undefined {
    const recent = this.#recent.get(key);
    if (recent) return recent;
    const found = this.#keys.get(hashKey(key));
    if (found) {
      if (this.#recent.size >= maxRecent) this.#recent.clear();
      this.#recent.set(key, found);
    }
    return found;
  }
}

/** `Authorization: Bearer <key>` or `X-API-Key: <key>`; both together must agree. */
function presentedKey(header: Credentials['header']): string | undefined {
  const bearer = /^Bearer +(\S+)$/i.exec(header('authorization') ?? '')?.[1];
  const plain = header('x-api-key');
  if (bearer !== undefined && plain !== undefined && bearer !== plain) throw fail('SW_UNAUTHENTICATED');
  return bearer ?? plain;
}
