import { resolve } from 'node:path';
import { openStorage } from '#kernel/storage/index.js';
import { fail } from '#kernel/errors/index.js';
import {
  databaseSources,
  fileSources,
  openSigningKey,
  type ChainSource,
  type SigningKey,
} from '#gateway/audit/index.js';
import { auditDirectory, auditKeyFile } from '../audit.js';
import { loadSettings } from '../settings.js';

/** The audit log of the configured data directory, for one piece of work; a server may be writing it. */
export async function withAuditLog<Result>(
  file: string | undefined,
  work: (log: { readonly sources: readonly ChainSource[]; readonly key: () => Promise<SigningKey> }) => Promise<Result>,
): Promise<Result> {
  // The servers' variables need not be set to look at what they did.
  const { config, baseDir } = loadSettings({ file, interpolate: false });
  const dataDir = resolve(baseDir, config.dataDir);
  const key = () => openSigningKey(auditKeyFile(dataDir));
  const files = await fileSources(auditDirectory(dataDir));
  // What the first sink kept is the log; others have copies of it.
  if (config.audit.sinks[0] !== 'database') return work({ sources: files, key });
  const storage = await openStorage({ url: config.storage.url, dataDir });
  try {
    return await work({ sources: await databaseSources(storage, auditDirectory(dataDir)), key });
  } finally {
    await storage.close();
  }
}

const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/**
 * `2026-01-31`, `2026-01-31T12:00:00Z`, or `2h` for two hours ago, as epoch milliseconds.
 * @throws SW_USAGE
 */
export function timeOption(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, count, unit] = /^(\d{1,6})([smhdw])$/.exec(text) ?? [];
  if (count !== undefined && unit !== undefined) return Date.now() - Number(count) * (unitMs[unit] as number);
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(time))
    throw fail('SW_USAGE', { reason: `--${name} takes a time in ISO 8601 or a duration such as 2h, not "${text}".` });
  return time;
}
