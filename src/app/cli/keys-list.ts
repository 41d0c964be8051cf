import { exitCodes } from './failure.js';
import { shownKey } from '../shown-key.js';
import { withKeys } from './keys.js';
import { visible, type Terminal } from './terminal.js';

export async function action(terminal: Terminal, options: { readonly config?: string }): Promise<number> {
  const keys = await withKeys(options.config, async (store) => (await store.list()).map(shownKey));
  const now = new Date().toISOString();
  const rows = keys.map(({ id, name, roles, createdAt, expiresAt, revokedAt, lastUsedAt }) => [
    id,
    visible(name),
    roles.join(', '),
    createdAt.slice(0, 10),
    revokedAt !== null ? 'revoked' : expiresAt === null ? 'valid' : expiresAt < now ? 'expired' : `until ${expiresAt}`,
    lastUsedAt === null ? 'never' : `${lastUsedAt.slice(0, 16)}Z`,
  ]);
  const table = await terminal.table(['id', 'name', 'roles', 'created', 'state', 'last use'], rows);
  terminal.result({ keys }, () => (rows.length === 0 ? 'There are no keys: seaworthy keys create makes one.' : table));
  return exitCodes.ok;
}
