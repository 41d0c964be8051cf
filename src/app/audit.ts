import { join } from 'node:path';
import type { KnownSecrets } from '#kernel/secrets/index.js';
import type { Storage } from '#kernel/storage/index.js';
import type { Logger, Metrics } from '#kernel/telemetry/index.js';
import { AuditLog, claimDirectory, FileJournal, openSigningKey, type AuditRecord } from '#gateway/audit/index.js';
import type { KeyRecord } from '#gateway/auth/index.js';
import type { Config } from './config.js';

export interface AuditParts {
  readonly dataDir: string;
  readonly storage: Storage;
  readonly secrets: KnownSecrets;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** Where the audit log lies below the data directory. */
export const auditDirectory = (dataDir: string): string => join(dataDir, 'audit');

/** Where the key that signs it lies. */
export const auditKeyFile = (dataDir: string): string => join(dataDir, 'keys', 'audit.pem');

/**
 * Opens the audit log of this process as the configuration says.
 * @throws SW_AUDIT_UNAVAILABLE, SW_SECRET_UNAVAILABLE
 */
export async function openAudit({ audit }: Config, parts: AuditParts): Promise<AuditLog> {
  const { logger, now } = parts;
  const key = await openSigningKey(auditKeyFile(parts.dataDir));
  const { path: directory, release } = await claimDirectory(auditDirectory(parts.dataDir));
  const retention = { keepDays: audit.keepDays, keepBytes: audit.keepBytes, keepFiles: audit.keepFiles };
  const journal = new FileJournal({ directory, maxFileBytes: audit.maxFileBytes, retention, now, logger });
  try {
    return await AuditLog.open({ ...audit, ...parts, directory, journal, forwarders: [], key, release });
  } catch (error) {
    release();
    throw error;
  }
}

/** The record of a key that was made; never the key. */
export const keyCreated = (key: KeyRecord, time: number): AuditRecord => ({
  kind: 'security',
  event: 'key.created',
  time,
  outcome: 'ok',
  detail: { key: key.id, name: key.name, roles: key.roles.join(' ') },
});
