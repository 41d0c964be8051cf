import type { Catalog } from '#gateway/catalog/index.js';
import { systemClock } from '#kernel/time/index.js';
import { visible, type Terminal } from './terminal.js';

/** A provider that has not answered by then is shown as it is, milliseconds. */
const patienceMs = 15_000;

/** Resolves when every provider has answered or failed, at the latest after a while. */
export function settled(catalog: Catalog): Promise<void> {
  return new Promise((resolve) => {
    const timer = systemClock.after(patienceMs, resolve);
    void catalog.started().then(() => {
      timer.cancel();
      resolve();
    });
  });
}

/** The state of each, for people. */
export async function providersTable(terminal: Terminal, catalog: Catalog): Promise<string> {
  const { green, red, yellow } = terminal.paint;
  const colours = { healthy: green, degraded: yellow, unhealthy: red };
  const rows = catalog.providers.map((provider) => {
    const { status, message } = provider.health();
    const count = (list: 'tools' | 'resources' | 'prompts') => String(provider.snapshot()?.[list].length ?? '');
    const remark = status === 'healthy' ? '' : visible(message).replace(/\s+/g, ' ').slice(0, 100);
    return [
      provider.id,
      provider.kind,
      colours[status](status),
      count('tools'),
      count('resources'),
      count('prompts'),
      remark,
    ];
  });
  return terminal.table(['provider', 'kind', 'status', 'tools', 'resources', 'prompts', ''], rows);
}
