import { parseMembers, type Members } from './scan.js';

/**
 * A result object that stays the bytes an upstream sent. Members are read one at a time and changed by splicing, so
 * a large or exact value (a 1 MiB text, a 20-digit number) passes untouched and is never held twice.
 */
export class RawResult {
  readonly #bytes: Buffer;
  readonly #members: Members;
  #whole: Record<string, unknown> | undefined;

  /** `bytes` is the text of one JSON object, checked by the scanner. */
  constructor(bytes: Buffer, members: Members = parseMembers(bytes)) {
    this.#bytes = bytes;
    this.#members = members;
  }

  get byteLength(): number {
    return this.#bytes.length;
  }

  has(name: string): boolean {
    return this.#members.has(name);
  }

  /** The parsed member, or undefined where there is none. */
  get(name: string): unknown {
    const span = this.#members.get(name);
    return span && (JSON.parse(this.#bytes.toString('utf8', span.start, span.end)) as unknown);
  }

  /** The whole value, parsed once. */
  toObject(): Record<string, unknown> {
    this.#whole ??= JSON.parse(this.#bytes.toString('utf8')) as Record<string, unknown>;
    return this.#whole;
  }

  /**
   * The bytes with members removed and set. A member that is set and present is replaced.
   * Returned in pieces so that the large middle is not copied.
   */
  splice(set: Readonly<Record<string, unknown>>, remove: readonly string[] = []): Buffer[] {
    const gone = [...Object.keys(set), ...remove].filter((name) => this.#members.has(name));
    const added = Object.entries(set).map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
    if (gone.length === 0 && added.length === 0) return [this.#bytes];
    const kept = [...this.#members].filter(([name]) => !gone.includes(name)).map(([, span]) => span);
    const pieces: Buffer[] = [Buffer.from(`{${added.join(',')}`)];
    let separator = added.length > 0;
    for (const run of runsOf(kept, [...this.#members.values()])) {
      if (separator) pieces.push(comma);
      pieces.push(this.#bytes.subarray(run.start, run.end));
      separator = true;
    }
    pieces.push(close);
    return pieces;
  }
}

const comma = Buffer.from(',');
const close = Buffer.from('}');

/** Joins members that stand next to each other, so that untouched stretches are one slice. */
function runsOf(kept: readonly MemberSpan[], all: readonly MemberSpan[]): { start: number; end: number }[] {
  const runs: { start: number; end: number; last: number }[] = [];
  for (const span of kept) {
    const index = all.indexOf(span);
    const run = runs.at(-1);
    if (run && run.last === index - 1) {
      run.end = span.end;
      run.last = index;
    } else runs.push({ start: span.keyStart, end: span.end, last: index });
  }
  return runs;
}

type MemberSpan = Members extends ReadonlyMap<string, infer Span> ? Span : never;
