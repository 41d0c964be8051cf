import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  AuditLog,
  claimDirectory,
  FileJournal,
  openSigningKey,
  type AuditLogOptions,
  type AuditRecord,
  type FileJournalOptions,
} from '#gateway/audit/index.js';
import { KnownSecrets } from '#kernel/secrets/index.js';
import { createMetrics, silentLogger } from '#kernel/telemetry/index.js';

/** A call that was allowed, as the pipeline writes it. */
export const auditRecord = (requestId: string, more: Partial<AuditRecord> = {}): AuditRecord => ({
  kind: 'call',
  time: Date.UTC(2026, 0, 2),
  requestId,
  principal: { id: 'key:1', kind: 'key', name: 'laptop' },
  origin: { transport: 'http', address: '127.0.0.1' },
  family: 'modern',
  revision: '2026-07-28',
  method: 'tools/call',
  provider: 'p',
  name: 'line\nbreak "and" \u2028',
  outcome: 'ok',
  durationMs: 1.5,
  bytesIn: 10,
  ...more,
});

export interface AuditTestOptions extends Partial<AuditLogOptions> {
  readonly file?: Partial<FileJournalOptions>;
}

/** A log with a file, in a directory of the test; nothing is written before `flush` unless `flushMs` says so. */
export async function openTestAudit(root: string, options: AuditTestOptions = {}) {
  const metrics = createMetrics();
  const { path: directory, release } = await claimDirectory(join(root, 'audit'));
  const now = () => Date.now();
  const retention = { keepDays: 0, keepBytes: 0, keepFiles: 0 };
  const log = await AuditLog.open({
    directory,
    journal: new FileJournal({
      directory,
      maxFileBytes: 2 ** 20,
      retention,
      now,
      logger: silentLogger,
      ...options.file,
    }),
    forwarders: [],
    key: await openSigningKey(join(root, 'keys', 'audit.pem')),
    secrets: new KnownSecrets(),
    arguments: 'shape',
    onFailure: 'open',
    flushMs: 60_000,
    maxWaiting: 1000,
    checkpointRecords: 1000,
    checkpointMs: 60_000,
    now,
    logger: silentLogger,
    metrics,
    release,
    ...options,
  }).catch((error: unknown) => {
    release();
    throw error;
  });
  return { log, metrics, directory, file: join(directory, 'audit.jsonl') };
}

/** The records of a file as objects. */
export const auditLines = async (file: string): Promise<Record<string, unknown>[]> =>
  (await readFile(file, 'utf8'))
    .split('\n')
    // What follows the last line break is being written at this moment.
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
