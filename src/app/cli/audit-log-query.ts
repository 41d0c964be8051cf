import { fail } from '#kernel/errors/index.js';
import { queryAudit, type AuditPage } from '#gateway/audit/index.js';
import { timeOption, withAuditLog } from './audit-log.js';
import { exitCodes } from './failure.js';
import { visible, type Terminal } from './terminal.js';

interface QueryOptions {
  readonly config?: string;
  readonly from?: string;
  readonly to?: string;
  readonly principal?: string;
  readonly provider?: string;
  readonly name?: string;
  readonly outcome?: string;
  readonly code?: string;
  readonly event?: string;
  readonly requestId?: string;
  readonly limit: string;
  readonly cursor?: string;
}

const maxLimit = 100_000;

export async function action(terminal: Terminal, options: QueryOptions): Promise<number> {
  const limit = Number(options.limit);
  if (!Number.isInteger(limit) || limit < 1 || limit > maxLimit)
    throw fail('SW_USAGE', { reason: `--limit takes a number from 1 to ${maxLimit}.` });
  const { principal, provider, name, outcome, code, event, requestId } = options;
  const filter = {
    ...{ principal, provider, name, outcome, code, event, requestId },
    from: timeOption('from', options.from),
    to: timeOption('to', options.to),
  };
  const page = await withAuditLog(options.config, ({ sources }) => queryAudit(sources, filter, limit, options.cursor));
  if (terminal.json) {
    for (const { text } of page.records) process.stdout.write(`${text}\n`);
    if (page.cursor !== undefined) terminal.event({ cursor: page.cursor });
  } else await show(terminal, page);
  return exitCodes.ok;
}

async function show(terminal: Terminal, { records, cursor }: AuditPage): Promise<void> {
  if (records.length === 0) {
    terminal.print('No record fits.');
    return;
  }
  const text = (value: unknown): string => {
    if (value === undefined) return '';
    return visible(typeof value === 'string' ? value : JSON.stringify(value));
  };
  const rows = records.map(({ members }) => {
    const { id, name } = (members['principal'] ?? {}) as { id?: unknown; name?: unknown };
    return [
      text(members['time']),
      text(members['outcome'] ?? members['kind']),
      text(members['code']),
      text(name ?? id),
      text(members['event'] ?? members['method']),
      text(members['provider']),
      text(members['name'] ?? members['shown']),
      text(members['durationMs']),
      text(members['requestId']),
    ];
  });
  const head = ['time', 'outcome', 'code', 'principal', 'what', 'provider', 'name', 'ms', 'request'];
  terminal.print(await terminal.table(head, rows));
  if (cursor !== undefined) terminal.note(terminal.paint.dim(`More: --cursor ${cursor}`));
}
