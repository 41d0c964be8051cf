import { localUser } from '#gateway/auth/index.js';
import { keyRevoked } from '../audit.js';
import { exitCodes } from './failure.js';
import { withKeyChanges } from './keys.js';
import type { Terminal } from './terminal.js';

export async function action(terminal: Terminal, options: { readonly config?: string }, id: string): Promise<number> {
  await withKeyChanges(options.config, async (keys, audit) => {
    await keys.revoke(id);
    audit.write(keyRevoked(id, localUser([])));
  });
  terminal.result({ id, revoked: true }, () => `Key ${id} is revoked.`);
  return exitCodes.ok;
}
