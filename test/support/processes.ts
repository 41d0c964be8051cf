import { readdirSync, readFileSync } from 'node:fs';

/** One line of the process table. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  /** `Z` is a zombie: it has ended and nobody has collected it. */
  readonly state: string;
  readonly command: string;
}

/** Every process of the machine, from /proc: Linux only. */
export function processes(): ProcessEntry[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => entryOf(Number(name)) ?? []);
}

/** The processes of a group that have not ended. */
export const livingIn = (group: number): ProcessEntry[] =>
  processes().filter((entry) => entry.group === group && entry.state !== 'Z');

/** The processes that `pid` has started and that have not been collected, zombies included. */
export const childrenOf = (pid: number): ProcessEntry[] => processes().filter(({ parent }) => parent === pid);

function entryOf(pid: number): ProcessEntry | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name is in parentheses and may hold anything, so the fields are counted from its end.
    const [state = '', parent, group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return { pid, parent: Number(parent), group: Number(group), state, command };
  } catch {
    // It ended between the listing and the reading.
    return undefined;
  }
}
