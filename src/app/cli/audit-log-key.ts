import { withAuditLog } from './audit-log.js';
import { exitCodes } from './failure.js';
import type { Terminal } from './terminal.js';

export async function action(terminal: Terminal, options: { readonly config?: string }): Promise<number> {
  const { id, publicKey } = await withAuditLog(options.config, ({ key }) => key());
  terminal.result({ id, publicKey }, () => publicKey.trimEnd());
  terminal.note(terminal.paint.dim(`Key ${id}.`));
  return exitCodes.ok;
}
