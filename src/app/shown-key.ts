import type { KeyRecord } from '#gateway/auth/index.js';

/** A key as data; times are ISO 8601. The hash stays where it is. */
export const shownKey = (key: KeyRecord) => ({
  id: key.id,
  name: key.name,
  description: key.description ?? null,
  roles: key.roles,
  scopes: key.scopes ?? null,
  addresses: key.addresses,
  createdAt: new Date(key.createdAt).toISOString(),
  expiresAt: isoOrNull(key.expiresAt),
  revokedAt: isoOrNull(key.revokedAt),
  lastUsedAt: isoOrNull(key.lastUsedAt),
  previousUntil: isoOrNull(key.previous?.until),
});

const isoOrNull = (at: number | undefined): string | null => (at === undefined ? null : new Date(at).toISOString());
