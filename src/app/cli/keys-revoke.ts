import { exitCodes } from './failure.js';
import { withKeys } from './keys.js';
import type { Terminal } from './terminal.js';

export async function action(terminal: Terminal, options: { readonly config?: string }, id: string): Promise<number> {
  await withKeys(options.config, (keys) => keys.revoke(id));
  terminal.result({ id, revoked: true }, () => `Key ${id} is revoked.`);
  return exitCodes.ok;
}
