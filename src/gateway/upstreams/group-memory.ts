import { readdirSync, readFileSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { systemClock, type Clock, type Timer } from '#kernel/time/index.js';

/** Milliseconds between two looks. */
const pollMs = 5_000;
/** Entries of /proc that are read before other work gets its turn: about a millisecond. */
const entriesPerTurn = 64;
/** Fields of /proc/PID/stat counted from the state on (proc(5): 3, 5 and 24). */
const groupField = 2;
const residentPagesField = 21;

interface Watched {
  readonly maxBytes: number;
  readonly onOver: (bytes: number) => void;
}

/**
 * Watches the resident memory of process groups: one walk through /proc for all of them. A page that two processes
 * share counts twice. Where there is no /proc (not Linux) nothing is watched.
 */
export class GroupMemory {
  readonly #clock: Clock;
  readonly #watched = new Map<number, Watched>();
  #timer: Timer | undefined;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** Calls `onOver` once when the group's resident memory is above `maxBytes`; returns the way to stop watching. */
  watch(group: number, maxBytes: number, onOver: (bytes: number) => void): () => void {
    this.#watched.set(group, { maxBytes, onOver });
    this.#arm();
    return () => {
      this.#watched.delete(group);
      if (this.#watched.size > 0) return;
      this.#timer?.cancel();
      this.#timer = undefined;
    };
  }

  #arm(): void {
    if (process.platform === 'linux')
      this.#timer ??= this.#clock.after(pollMs, () => void this.#poll(), { unref: true });
  }

  async #poll(): Promise<void> {
    const used = await residentBytes(this.#watched);
    this.#timer = undefined;
    for (const [group, bytes] of used) {
      const watched = this.#watched.get(group);
      if (!watched || bytes <= watched.maxBytes) continue;
      this.#watched.delete(group);
      watched.onOver(bytes);
    }
    if (this.#watched.size > 0) this.#arm();
  }
}

/** Resident bytes of each of the groups that has a process. */
export async function residentBytes(groups: { has(group: number): boolean }): Promise<Map<number, number>> {
  const used = new Map<number, number>();
  let read = 0;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    if (++read % entriesPerTurn === 0) await turn();
    const fields = statOf(name);
    const group = Number(fields?.[groupField]);
    if (fields && groups.has(group))
      used.set(group, (used.get(group) ?? 0) + Number(fields[residentPagesField]) * pageBytes());
  }
  return used;
}

function statOf(pid: string): string[] | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    // It ended between the listing and the reading.
    return undefined;
  }
  // The name is in parentheses and may hold anything, so the fields are counted from its end.
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

let knownPageBytes = 0;

/** Node does not tell the size of a page, but our own memory in bytes and in pages does; it is a power of two. */
function pageBytes(): number {
  if (knownPageBytes === 0) {
    const pages = Number(statOf('self')?.[residentPagesField] ?? 1);
    knownPageBytes = 2 ** Math.round(Math.log2(process.memoryUsage.rss() / pages));
  }
  return knownPageBytes;
}
