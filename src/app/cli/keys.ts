import { resolve } from 'node:path';
import { readEnvironment } from '#kernel/config/index.js';
import { KnownSecrets } from '#kernel/secrets/index.js';
import { openStorage, type Storage } from '#kernel/storage/index.js';
import { createMetrics } from '#kernel/telemetry/index.js';
import { systemClock } from '#kernel/time/index.js';
import type { AuditWriter } from '#gateway/audit/index.js';
import { KeyStore } from '#gateway/auth/index.js';
import { openAudit } from '../audit.js';
import { loadSettings } from '../settings.js';
import type { Config } from '../config.js';
import { packageVersion } from '../version.js';
import { commandLogger } from './logging.js';

/** Opens the keys of the configured database for one piece of work; a running server may have it open too. */
export const withKeys = <Result>(
  file: string | undefined,
  work: (keys: KeyStore) => Promise<Result>,
): Promise<Result> => withStorage(file, async (storage) => work(await KeyStore.open(storage, () => systemClock.now())));

/** The same for work that changes keys: what it tells `audit` is recorded when it returns. */
export const withKeyChanges = <Result>(
  file: string | undefined,
  work: (keys: KeyStore, audit: AuditWriter, config: Config) => Promise<Result>,
): Promise<Result> =>
  withStorage(file, async (storage, config, dataDir) => {
    const now = () => systemClock.now();
    const audit = await openAudit(config, {
      ...{ dataDir, storage, now },
      environment: readEnvironment(),
      secrets: new KnownSecrets(),
      logger: commandLogger(config, 'error'),
      metrics: createMetrics({ version: packageVersion }),
    });
    try {
      return await work(await KeyStore.open(storage, now), audit, config);
    } finally {
      await audit.close();
    }
  });

async function withStorage<Result>(
  file: string | undefined,
  work: (storage: Storage, config: Config, dataDir: string) => Promise<Result>,
): Promise<Result> {
  // The servers' variables need not be set to work on keys.
  const { config, baseDir } = loadSettings({ file, interpolate: false });
  const dataDir = resolve(baseDir, config.dataDir);
  const storage = await openStorage({ url: config.storage.url, dataDir });
  try {
    return await work(storage, config, dataDir);
  } finally {
    await storage.close();
  }
}
