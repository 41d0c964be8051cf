import { resolve } from 'node:path';
import { openStorage } from '#kernel/storage/index.js';
import { systemClock } from '#kernel/time/index.js';
import { KeyStore, type KeyRecord } from '#gateway/auth/index.js';
import { loadSettings } from '../settings.js';
import type { Config } from '../config.js';

/** Opens the keys of the configured database for one piece of work; a running server may have it open too. */
export async function withKeys<Result>(
  file: string | undefined,
  work: (keys: KeyStore, config: Config) => Promise<Result>,
): Promise<Result> {
  // The servers' variables need not be set to work on keys.
  const { config, baseDir } = loadSettings({ file, interpolate: false });
  const storage = await openStorage({ url: config.storage.url, dataDir: resolve(baseDir, config.dataDir) });
  try {
    return await work(await KeyStore.open(storage, () => systemClock.now()), config);
  } finally {
    await storage.close();
  }
}

/** A key as data; times are ISO 8601. The hash stays where it is. */
export const shownKey = ({ id, name, roles, createdAt, expiresAt, revokedAt }: KeyRecord) => ({
  id,
  name,
  roles,
  createdAt: new Date(createdAt).toISOString(),
  expiresAt: isoOrNull(expiresAt),
  revokedAt: isoOrNull(revokedAt),
});

const isoOrNull = (at: number | undefined): string | null => (at === undefined ? null : new Date(at).toISOString());
