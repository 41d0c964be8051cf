import type { Principal } from '#kernel/context/index.js';
import { fail } from '#kernel/errors/index.js';
import { addressSet, type AddressSet } from '#kernel/http/index.js';
import type { Credentials } from '#protocol/server/index.js';
import { hashKey } from './api-key.js';
import type { Authenticator } from './authenticator.js';
import type { KeyRecord } from './key-store.js';

/** Keys in use that are remembered as they were sent; emptied whenever the set of keys changes. */
const maxRecent = 1000;

export interface KeyAuthenticatorOptions {
  /** Keys that were not confirmed for longer are not believed, milliseconds. Default: no bound. */
  readonly maxStaleMs?: number | undefined;
  /** Told of each refusal, for metrics: the client learns no reason. */
  readonly onRefused?: ((reason: KeyRefusal) => void) | undefined;
  /** Told of principals that have a credential less, or other rights than before. */
  readonly onEnded?: ((principalIds: ReadonlySet<string>) => void) | undefined;
}

export type KeyRefusal = 'missing' | 'unknown' | 'expired' | 'address' | 'stale';

/** One secret of a key; a key has two while a rotation overlaps. */
interface KnownKey {
  readonly id: string;
  readonly principal: Principal;
  readonly expiresAt: number;
  /** Absent: from anywhere. */
  readonly from: AddressSet | undefined;
  /** Equal text, equal rights. */
  readonly rights: string;
  /** Epoch milliseconds of the last use that `takeUses` has not given out; 0: none. */
  usedAt: number;
}

/**
 * API keys, looked up by hash in memory. The set is replaced whole when the database changes, so a revoked key stops
 * working within the time between two looks.
 */
export class KeyAuthenticator implements Authenticator {
  readonly #now: () => number;
  readonly #options: KeyAuthenticatorOptions;
  #keys = new Map<string, KnownKey>();
  readonly #recent = new Map<string, KnownKey>();
  #confirmedAt: number;

  constructor(now: () => number, options: KeyAuthenticatorOptions = {}) {
    this.#now = now;
    this.#options = options;
    this.#confirmedAt = now();
  }

  /** Takes the keys as they are in the database now. */
  replace(records: readonly KeyRecord[]): void {
    const old = this.#keys;
    const uses = new Map([...old.values()].map(({ id, usedAt }) => [id, usedAt]));
    this.#keys = new Map(records.flatMap((record) => secretsOf(record, uses.get(record.id) ?? 0)));
    this.#recent.clear();
    const ended = [...old].filter(([hash, { rights }]) => this.#keys.get(hash)?.rights !== rights);
    this.#tellEnded(ended.map(([, known]) => known));
    this.confirm();
  }

  /** The keys are still what the database holds. */
  confirm(): void {
    this.#confirmedAt = this.#now();
  }

  /** Forgets what has expired, so that streams opened with it end too. */
  expire(): void {
    const now = this.#now();
    const expired = [...this.#keys].filter(([, { expiresAt }]) => expiresAt <= now);
    if (expired.length === 0) return;
    for (const [hash] of expired) this.#keys.delete(hash);
    this.#recent.clear();
    this.#tellEnded(expired.map(([, known]) => known));
  }

  /** When keys were used since the last time that this was asked, by id. */
  takeUses(): Map<string, number> {
    const uses = new Map<string, number>();
    for (const known of this.#keys.values()) {
      if (known.usedAt > (uses.get(known.id) ?? 0)) uses.set(known.id, known.usedAt);
      known.usedAt = 0;
    }
    return uses;
  }

  /** @throws SW_UNAUTHENTICATED, SW_KEYS_UNAVAILABLE */
  authenticate({ header, address }: Credentials): Principal {
    const now = this.#now();
    if (now - this.#confirmedAt > (this.#options.maxStaleMs ?? Infinity)) {
      this.#options.onRefused?.('stale');
      throw fail('SW_KEYS_UNAVAILABLE');
    }
    const key = presentedKey(header);
    if (key === undefined) throw this.#refused('missing');
    const found = this.#find(key);
    if (!found) throw this.#refused('unknown');
    if (found.expiresAt <= now) throw this.#refused('expired');
    if (found.from?.has(address) === false) throw this.#refused('address');
    found.usedAt = now;
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

  #refused(reason: KeyRefusal) {
    this.#options.onRefused?.(reason);
    return fail('SW_UNAUTHENTICATED');
  }

  #tellEnded(known: readonly KnownKey[]): void {
    if (known.length > 0) this.#options.onEnded?.(new Set(known.map(({ principal }) => principal.id)));
  }
}

/** Who calls with a key. */
export const principalOfKey = ({ id, name, roles, scopes }: KeyRecord): Principal => ({
  id: `key:${id}`,
  kind: 'key',
  name,
  roles,
  ...(scopes && { scopes }),
});

/** The secrets that stand for a key, by hash. */
function secretsOf(record: KeyRecord, usedAt: number): (readonly [string, KnownKey])[] {
  const { id, hash, previous, addresses, revokedAt } = record;
  if (revokedAt !== undefined) return [];
  const principal = principalOfKey(record);
  const expiresAt = record.expiresAt ?? Infinity;
  const from = addresses.length === 0 ? undefined : addressSet(addresses);
  const rights = JSON.stringify([principal, addresses]);
  const known: KnownKey = { id, principal, expiresAt, from, rights, usedAt };
  if (!previous) return [[hash, known]];
  return [
    [hash, known],
    [previous.hash, { ...known, expiresAt: Math.min(expiresAt, previous.until) }],
  ];
}

/** `Authorization: Bearer <key>` or `X-API-Key: <key>`; both together must agree. */
function presentedKey(header: Credentials['header']): string | undefined {
  const bearer = /^Bearer +(\S+)$/i.exec(header('authorization') ?? '')?.[1];
  const plain = header('x-api-key');
  if (bearer !== undefined && plain !== undefined && bearer !== plain) throw fail('SW_UNAUTHENTICATED');
  return bearer ?? plain;
}
