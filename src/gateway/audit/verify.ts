import { noHash, readRecord, type ChainHead, type ReadRecord } from './chain.js';
import { isSignedCheckpoint } from './head-file.js';
import type { VerifyingKey } from './signing-key.js';

/** A line and where it was found. */
export interface LocatedLine {
  readonly text: string;
  /** `audit.jsonl:12`, or the name of a table. */
  readonly place: string;
  /** False: nothing ends it. */
  readonly whole: boolean;
}

/**
 * `changed`: the text does not have the hash that it states; `replaced`: it has, but its successor follows another one;
 * `removed`: numbers are missing; `reordered`: a missing one stands elsewhere; `duplicated`: a number came before;
 * `foreign`: of another chain; `unreadable`: no record; `forged`: a checkpoint without a good signature; `truncated`:
 * the last signed checkpoint lies behind the end.
 */
export type ProblemKind =
  'changed' | 'replaced' | 'removed' | 'reordered' | 'duplicated' | 'foreign' | 'unreadable' | 'forged' | 'truncated';

export interface Problem {
  readonly kind: ProblemKind;
  readonly place: string;
  /** The record, or the first of those that are missing, and the last of them. */
  readonly seq: number | undefined;
  readonly through: number | undefined;
}

export interface Verdict {
  readonly records: number;
  readonly problems: readonly Problem[];
  /** What was found and explained: a line that was cut, files that retention removed. */
  readonly notes: readonly string[];
  /** The last record before the first problem. */
  readonly lastGood: ChainHead | undefined;
  /** Number of the last record that a good signature covers. */
  readonly signedThrough: number | undefined;
}

export interface VerifyOptions {
  readonly key: VerifyingKey;
  /** The last checkpoint as it was kept apart, where there is one. */
  readonly head?: ReadRecord | undefined;
  /** What came before the first record, where somebody vouches for it: the manifest of an export. */
  readonly after?: ChainHead | undefined;
}

/** Checks a chain, line by line, and goes on after a problem to find all of them. */
export async function verifyChain(
  lines: AsyncIterable<LocatedLine> | Iterable<LocatedLine>,
  options: VerifyOptions,
): Promise<Verdict> {
  const check = new ChainCheck(options);
  for await (const line of lines) check.take(line);
  return check.end();
}

interface Gap {
  readonly from: number;
  readonly through: number;
  readonly place: string;
}

class ChainCheck {
  readonly #options: VerifyOptions;
  readonly #problems: Problem[] = [];
  readonly #notes: string[] = [];
  readonly #removals: RemovedDetail[] = [];
  #gaps: Gap[] = [];
  #first: (ReadRecord & { readonly place: string }) | undefined;
  /** Where the chain stands; the hash is unknown behind a record that was changed. */
  #last: { chain: string; seq: number; hash: string | undefined } | undefined;
  #lastPlace = '';
  #lastGood: ChainHead | undefined;
  #signedThrough: number | undefined;
  #records = 0;

  constructor(options: VerifyOptions) {
    this.#options = options;
  }

  take({ text, place, whole }: LocatedLine): void {
    if (!whole) {
      this.#notes.push(`${place}: the last line has no end: it is being written, or its process died`);
      return;
    }
    this.#records++;
    this.#lastPlace = place;
    const record = readRecord(text);
    if (!record) return this.#takeUnreadable(place);
    if (this.#first === undefined || this.#beginsAnew(record)) this.#begin(record, place);
    else this.#follow(record, place);
    if (!record.intact) {
      this.#report('changed', place, record.seq);
      if (this.#last?.seq === record.seq) this.#last.hash = undefined;
    }
    this.#takeEvent(record, place);
    if (this.#problems.length === 0 && this.#gaps.length === 0) this.#lastGood = headOf(record);
  }

  end(): Verdict {
    this.#endChain();
    this.#compareHead();
    return {
      records: this.#records,
      problems: this.#problems,
      notes: this.#notes,
      lastGood: this.#lastGood,
      signedThrough: this.#signedThrough,
    };
  }

  #report(kind: ProblemKind, place: string, seq?: number, through?: number): void {
    this.#problems.push({ kind, place, seq, through });
  }

  /** It stands for the number that is expected, so that the next one is not reported as well. */
  #takeUnreadable(place: string): void {
    this.#report('unreadable', place, this.#last && this.#last.seq + 1);
    if (this.#last) this.#last = { ...this.#last, seq: this.#last.seq + 1, hash: undefined };
  }

  /** A damaged log is put aside, and a new chain begins behind it. */
  #beginsAnew({ chain, seq, members }: ReadRecord): boolean {
    return chain !== this.#last?.chain && seq === 0 && members['event'] === 'chain-started';
  }

  #begin(record: ReadRecord, place: string): void {
    if (this.#first) {
      this.#endChain();
      this.#notes.push(`${place}: a new chain begins`);
    }
    this.#first = { ...record, place };
    this.#last = headOf(record);
    this.#gaps = [];
  }

  #follow(record: ReadRecord, place: string): void {
    const last = this.#last;
    if (!last || record.chain !== last.chain) return this.#report('foreign', place, record.seq);
    const expected = last.seq + 1;
    if (record.seq < expected) return this.#takeLate(record.seq, place);
    if (record.seq > expected) this.#gaps.push({ from: expected, through: record.seq - 1, place });
    else if (last.hash !== undefined && record.prev !== last.hash) this.#report('replaced', place, last.seq);
    this.#last = headOf(record);
  }

  #takeLate(seq: number, place: string): void {
    const gap = this.#gaps.find(({ from, through }) => from <= seq && seq <= through);
    const isBeforeFirst = seq < (this.#first?.seq ?? 0);
    this.#report(gap || isBeforeFirst ? 'reordered' : 'duplicated', place, seq);
    if (!gap) return;
    const rest = [
      { ...gap, through: seq - 1 },
      { ...gap, from: seq + 1 },
    ].filter(({ from, through }) => from <= through);
    this.#gaps = this.#gaps.flatMap((each) => (each === gap ? rest : [each]));
  }

  #takeEvent(record: ReadRecord, place: string): void {
    const { event, detail } = record.members;
    if (event === 'checkpoint') {
      if (!isSignedCheckpoint(record, this.#options.key)) this.#report('forged', place, record.seq);
      else if (this.#problems.length === 0 && this.#gaps.length === 0) this.#signedThrough = record.seq;
    } else if (event === 'records-removed') this.#removals.push(detail as RemovedDetail);
    else if (event === 'tail-cut' || event === 'tail-missing' || event === 'records-dropped')
      this.#notes.push(`${place}: record ${record.seq} tells of ${event} ${JSON.stringify(detail)}`);
  }

  #endChain(): void {
    for (const { from, through, place } of this.#gaps) this.#report('removed', place, from, through);
    this.#gaps = [];
    const first = this.#first;
    if (!first || this.#isVouchedFor(first)) return;
    this.#report('removed', first.place, 0, first.seq - 1);
  }

  /** True where the beginning is the beginning, or a record or a manifest tells what came before. */
  #isVouchedFor({ chain, seq, prev, place }: ReadRecord & { readonly place: string }): boolean {
    if (seq === 0 && prev === noHash) return true;
    const follows = (head: ChainHead | undefined) =>
      head?.chain === chain && head.seq === seq - 1 && head.hash === prev;
    if (follows(this.#options.after)) return true;
    const removal = this.#removals
      .map(({ chain: of, through, hash }: RemovedDetail) => ({ chain: of, seq: through, hash }))
      .find(follows);
    if (removal) this.#notes.push(`${place}: retention removed everything through record ${removal.seq}`);
    return removal !== undefined;
  }

  #compareHead(): void {
    const { head } = this.#options;
    if (!head) return;
    if (head.chain !== this.#last?.chain || head.seq > this.#last.seq)
      this.#report('truncated', this.#lastPlace, (this.#last?.seq ?? -1) + 1, head.seq);
  }
}

interface RemovedDetail {
  readonly chain: string;
  readonly through: number;
  readonly hash: string;
}

const headOf = ({ chain, seq, hash }: ReadRecord): ChainHead => ({ chain, seq, hash });
