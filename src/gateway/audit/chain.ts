import { hash as digest } from 'node:crypto';

/** Version of the record's form; see `docs/reference/audit.md`. */
export const recordVersion = 1;

/** What the first record of a chain names as its predecessor. */
export const noHash = '0'.repeat(64);

/** Where a chain stands: the last record that it has. */
export interface ChainHead {
  readonly chain: string;
  /** Number of the last record; -1 in a chain without records. */
  readonly seq: number;
  /** Its hash. */
  readonly hash: string;
}

/** A record in its final form. */
export interface ChainedRecord extends ChainHead {
  /** One JSON object on one line, without the line break. */
  readonly text: string;
  /** Epoch milliseconds. */
  readonly time: number;
}

/** SHA-256 over the text, hexadecimal. */
export const hashOf = (text: string): string => digest('sha256', text, 'hex');

const sealLength = ',"hash":""}'.length + 64;

/**
 * Puts a record behind the head. The hash is over the text as it is written, without the hash itself: it covers the
 * number and the hash of the predecessor, and nobody has to write the JSON anew to check it.
 */
export function chained(head: ChainHead, time: number, members: object): ChainedRecord {
  const { chain } = head;
  const seq = head.seq + 1;
  const isoTime = new Date(time).toISOString();
  const body = JSON.stringify({ v: recordVersion, chain, seq, prev: head.hash, time: isoTime, ...members });
  const hash = hashOf(body);
  return { chain, seq, hash, time, text: `${body.slice(0, -1)},"hash":"${hash}"}` };
}

/** A line as it was found. */
export interface ReadRecord extends ChainHead {
  readonly prev: string;
  readonly text: string;
  /** All members. */
  readonly members: Readonly<Record<string, unknown>>;
  /** False: the text does not have the hash that it states. */
  readonly intact: boolean;
}

/** Reads one line; undefined for what is no record of this version. */
export function readRecord(text: string): ReadRecord | undefined {
  let members: Record<string, unknown>;
  try {
    members = JSON.parse(text) as Record<string, unknown>;
  } catch {
    // Not JSON: the caller says what that means where it was found.
    return undefined;
  }
  if (typeof members !== 'object' || members === null) return undefined;
  const { v, chain, seq, prev, hash } = members;
  if (v !== recordVersion || typeof chain !== 'string' || typeof prev !== 'string' || typeof hash !== 'string')
    return undefined;
  if (!Number.isSafeInteger(seq)) return undefined;
  const body = `${text.slice(0, -sealLength)}}`;
  const intact = text.endsWith(`,"hash":"${hash}"}`) && hashOf(body) === hash;
  return { chain, seq: seq as number, prev, hash, text, members, intact };
}
