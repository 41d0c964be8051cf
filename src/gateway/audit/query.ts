import { fail } from '#kernel/errors/index.js';
import type { ReadRecord } from './chain.js';
import type { ChainSource } from './file-source.js';

/** What to look for; every member that is there must fit. */
export interface AuditFilter {
  /** Epoch milliseconds, both included. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  /** Id or name. */
  readonly principal?: string | undefined;
  readonly provider?: string | undefined;
  /** The provider's own name of the target, or the one that the client used. */
  readonly name?: string | undefined;
  readonly outcome?: string | undefined;
  readonly code?: string | undefined;
  readonly event?: string | undefined;
  readonly requestId?: string | undefined;
}

export interface AuditPage {
  /** Newest first. */
  readonly records: readonly ReadRecord[];
  /** Where the next page begins; undefined on the last. */
  readonly cursor: string | undefined;
}

/** The clock may have been set back a little between two records. */
const clockSlackMs = 60_000;

/**
 * One page of records, newest first, over all chains.
 * @throws SW_CURSOR_INVALID
 */
export async function queryAudit(
  sources: readonly ChainSource[],
  filter: AuditFilter,
  limit: number,
  cursor?: string,
): Promise<AuditPage> {
  const start = cursor === undefined ? undefined : readCursor(cursor);
  const records: ReadRecord[] = [];
  for await (const record of newestFirst(sources)) {
    const time = timeOf(record);
    if (filter.from !== undefined && time < filter.from - clockSlackMs) break;
    if ((start && !comesAfter(record, start)) || !fits(record, time, filter)) continue;
    if (records.length === limit) return { records, cursor: cursorOf(records.at(-1) as ReadRecord) };
    records.push(record);
  }
  return { records, cursor: undefined };
}

/** Epoch milliseconds. */
export const timeOf = ({ members }: ReadRecord): number => Date.parse(String(members['time']));

/** Merges the chains: of their next records the newest comes first. */
async function* newestFirst(sources: readonly ChainSource[]): AsyncGenerator<ReadRecord> {
  const chains = sources.map((source) => source.backwards());
  try {
    const next = await Promise.all(chains.map((chain) => chain.next()));
    for (;;) {
      let newest = -1;
      for (const [i, { done, value }] of next.entries())
        if (!done && (newest < 0 || order(value, (next[newest] as { value: ReadRecord }).value) < 0)) newest = i;
      const found = next[newest];
      if (!found || found.done) return;
      yield found.value;
      next[newest] = await (chains[newest] as AsyncGenerator<ReadRecord>).next();
    }
  } finally {
    for (const chain of chains) await chain.return(undefined);
  }
}

interface Position {
  readonly time: number;
  readonly chain: string;
  readonly seq: number;
}

const positionOf = (record: ReadRecord): Position => ({ time: timeOf(record), chain: record.chain, seq: record.seq });

/** Negative where `a` is shown before `b`. */
function order(a: ReadRecord, b: ReadRecord): number {
  if (a.chain === b.chain) return b.seq - a.seq;
  return timeOf(b) - timeOf(a) || (a.chain < b.chain ? -1 : 1);
}

function comesAfter(record: ReadRecord, { time, chain, seq }: Position): boolean {
  if (record.chain === chain) return record.seq < seq;
  const own = timeOf(record);
  return own < time || (own === time && record.chain > chain);
}

function fits({ members }: ReadRecord, time: number, filter: AuditFilter): boolean {
  const principal = members['principal'] as { id?: unknown; name?: unknown } | undefined;
  const oneOf = (wanted: string | undefined, ...values: unknown[]) => wanted === undefined || values.includes(wanted);
  return (
    time >= (filter.from ?? -Infinity) &&
    time <= (filter.to ?? Infinity) &&
    oneOf(filter.principal, principal?.id, principal?.name) &&
    oneOf(filter.provider, members['provider']) &&
    oneOf(filter.name, members['name'], members['shown']) &&
    oneOf(filter.outcome, members['outcome']) &&
    oneOf(filter.code, members['code']) &&
    oneOf(filter.event, members['event']) &&
    oneOf(filter.requestId, members['requestId'])
  );
}

function cursorOf(record: ReadRecord): string {
  const { time, chain, seq } = positionOf(record);
  return `${time}.${chain}.${seq}`;
}

function readCursor(cursor: string): Position {
  const [, time, chain, seq] = /^(\d{1,16})\.([0-9a-f]{12})\.(\d{1,16})$/.exec(cursor) ?? [];
  if (time === undefined || chain === undefined || seq === undefined) throw fail('SW_CURSOR_INVALID');
  return { time: Number(time), chain, seq: Number(seq) };
}
