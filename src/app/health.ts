import { reasonOf } from '#kernel/errors/index.js';
import type { Storage } from '#kernel/storage/index.js';
import { withDeadline } from '#kernel/time/index.js';
import type { AuditLog } from '#gateway/audit/index.js';
import type { Catalog, ProviderHealth } from '#gateway/catalog/index.js';
import type { Reloads } from './reloads.js';

export type HealthStatus = ProviderHealth['status'];

export interface HealthReport {
  readonly status: HealthStatus;
  /** ISO 8601. */
  readonly time: string;
  readonly components: Readonly<Record<string, ProviderHealth>>;
}

/** The database has this long to answer, milliseconds. */
const databasePatienceMs = 1000;

/**
 * The state of everything. Providers tell what they know without asking anybody. One provider that is down leaves the
 * rest working, so it makes the whole degraded. Without the database no key can be checked anew, and without an audit
 * log that must not fail nothing may be done: unhealthy.
 */
export async function healthOf(
  catalog: Catalog,
  storage: Storage,
  audit: AuditLog,
  reloads: Reloads,
  parts: ReadonlyMap<string, () => ProviderHealth>,
): Promise<HealthReport> {
  const database = await databaseHealth(storage);
  const components: Record<string, ProviderHealth> = {
    database,
    audit: audit.health(),
    configuration: reloads.health(),
  };
  for (const [name, health] of parts) components[name] = safely(health);
  for (const provider of catalog.providers) components[provider.id] = safely(() => provider.health());
  const states = Object.values(components).map(({ status }) => status);
  const status =
    database.status === 'unhealthy' || audit.health().status === 'unhealthy'
      ? 'unhealthy'
      : states.every((state) => state === 'healthy')
        ? 'healthy'
        : 'degraded';
  return { status, time: new Date().toISOString(), components };
}

async function databaseHealth(storage: Storage): Promise<ProviderHealth> {
  try {
    await withDeadline(storage.ping(), databasePatienceMs, () => {
      throw new RangeError(`no answer within ${databasePatienceMs} ms`);
    });
    return { status: 'healthy', message: `${storage.dialect} answers` };
  } catch (error) {
    return { status: 'unhealthy', message: reasonOf(error) };
  }
}

function safely(check: () => ProviderHealth): ProviderHealth {
  try {
    return check();
  } catch (error) {
    return { status: 'unhealthy', message: reasonOf(error) };
  }
}
