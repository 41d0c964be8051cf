import { exportAudit } from '#gateway/audit/index.js';
import { timeOption, withAuditLog } from './audit-log.js';
import { exitCodes } from './failure.js';
import type { Terminal } from './terminal.js';

interface ExportOptions {
  readonly config?: string;
  readonly from?: string;
  readonly to?: string;
}

export async function action(terminal: Terminal, options: ExportOptions, directory: string): Promise<number> {
  const range = { from: timeOption('from', options.from), to: timeOption('to', options.to) };
  const manifest = await withAuditLog(options.config, async ({ sources, key }) =>
    exportAudit(sources, range, directory, await key(), (records) =>
      terminal.note(terminal.paint.dim(`${records} records …`)),
    ),
  );
  const records = manifest.chains.reduce((sum, chain) => sum + chain.records, 0);
  terminal.result({ directory, ...manifest }, () =>
    [
      `${records} records are in ${directory}, signed with key ${manifest.key}.`,
      `Give the public key another way, and check: seaworthy audit-log verify ${directory} --public-key FILE`,
    ].join('\n'),
  );
  return exitCodes.ok;
}
