import { join } from 'node:path';
import type { Principal } from '#kernel/context/index.js';
import { fail } from '#kernel/errors/index.js';
import { isSecretReference, resolveSecret, Secret, type KnownSecrets } from '#kernel/secrets/index.js';
import type { Storage } from '#kernel/storage/index.js';
import type { Logger, Metrics } from '#kernel/telemetry/index.js';
import {
  AuditLog,
  claimDirectory,
  DatabaseJournal,
  databaseSink,
  databaseSources,
  FileJournal,
  fileSources,
  Forwarder,
  openSigningKey,
  syslogSink,
  webhookSink,
  type AuditRecord,
  type ChainSource,
  type Sink,
} from '#gateway/audit/index.js';
import type { KeyRecord } from '#gateway/auth/index.js';
import type { Config } from './config.js';

export interface AuditParts {
  readonly dataDir: string;
  readonly storage: Storage;
  readonly secrets: KnownSecrets;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** Where the audit log lies below the data directory. */
export const auditDirectory = (dataDir: string): string => join(dataDir, 'audit');

/** Where the key that signs it lies. */
export const auditKeyFile = (dataDir: string): string => join(dataDir, 'keys', 'audit.pem');

/** The log as it is kept, for reading; others than the first sink have copies of it. */
export const auditSources = (
  { audit }: Config,
  { storage, dataDir }: Pick<AuditParts, 'storage' | 'dataDir'>,
): Promise<ChainSource[]> =>
  audit.sinks[0] === 'database'
    ? databaseSources(storage, auditDirectory(dataDir))
    : fileSources(auditDirectory(dataDir));

/**
 * Opens the audit log of this process as the configuration says.
 * @throws SW_CONFIG_INVALID, SW_AUDIT_UNAVAILABLE, SW_SECRET_UNAVAILABLE
 */
export async function openAudit({ audit }: Config, parts: AuditParts): Promise<AuditLog> {
  const [first, ...others] = audit.sinks;
  if (
    (first !== 'file' && first !== 'database') ||
    others.includes('file') ||
    new Set(audit.sinks).size !== audit.sinks.length
  )
    throw fail('SW_CONFIG_INVALID', { reason: 'audit.sinks begins with file or database, and names each once' });
  const { logger, now } = parts;
  const key = await openSigningKey(auditKeyFile(parts.dataDir));
  const sinks = await Promise.all(others.map((name) => openSink(name, audit, parts)));
  const { path: directory, release } = await claimDirectory(auditDirectory(parts.dataDir));
  try {
    const journal =
      first === 'database'
        ? await DatabaseJournal.create(parts.storage, audit.keepDays, now)
        : new FileJournal({ directory, maxFileBytes: audit.maxFileBytes, retention: audit, now, logger });
    const forwarders = sinks.map((sink) => new Forwarder({ ...parts, sink, maxWaiting: audit.maxWaiting }));
    return await AuditLog.open({ ...audit, ...parts, directory, journal, forwarders, key, release });
  } catch (error) {
    release();
    throw error;
  }
}

async function openSink(
  name: Config['audit']['sinks'][number],
  audit: Config['audit'],
  parts: AuditParts,
): Promise<Sink> {
  const { syslog, webhook } = audit;
  if (name === 'database') return databaseSink(await DatabaseJournal.create(parts.storage, 0, parts.now));
  if (name === 'syslog') {
    const ca = syslog.caFile === undefined ? undefined : (await resolveSecret(`file:${syslog.caFile}`, {})).reveal();
    return syslogSink({ ...syslog, ca });
  }
  if (webhook.url === '' || webhook.secret === '')
    throw fail('SW_CONFIG_INVALID', { reason: 'audit.webhook needs url and secret' });
  const secret = isSecretReference(webhook.secret)
    ? await resolveSecret(webhook.secret, parts.environment)
    : new Secret(webhook.secret);
  parts.secrets.add(secret.reveal());
  return webhookSink({ ...webhook, secret, now: parts.now });
}

/**
 * The record of a key that was made; never the key.
 * @param by who made it; undefined for the server itself
 */
export const keyCreated = ({ id, name, roles, createdAt }: KeyRecord, by: Principal | undefined): AuditRecord => ({
  kind: 'security',
  event: 'key.created',
  time: createdAt,
  outcome: 'ok',
  principal: by,
  detail: { key: id, name, roles: roles.join(' ') },
});

/** The record of a key that has a new secret; `overlapMs` is how long the old one still works. */
export const keyRotated = ({ id }: KeyRecord, overlapMs: number, by: Principal): AuditRecord => ({
  kind: 'security',
  event: 'key.rotated',
  time: Date.now(),
  outcome: 'ok',
  principal: by,
  detail: { key: id, overlapMs },
});

/** The record of a key that was ended. */
export const keyRevoked = (id: string, by: Principal): AuditRecord => ({
  kind: 'security',
  event: 'key.revoked',
  time: Date.now(),
  outcome: 'ok',
  principal: by,
  detail: { key: id },
});
