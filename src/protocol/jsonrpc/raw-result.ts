import { parseMembers, parseText, type Members, type MemberSpan } from './scan.js';

/**
 * A result object that stays the bytes an upstream sent. Members are read one at a time and changed by splicing, so
 * a large or exact value (a 1 MiB text, a 20-digit number) passes untouched and is never held twice.
 */
export class RawResult {
  readonly #bytes: Buffer;
  readonly #members: Members;
  #whole: Record<string, unknown> | undefined;

  /**
   * `bytes` is the text of one JSON object, checked by the scanner. Line breaks between its tokens become spaces:
   * stdio and SSE end a message at one.
   * @throws SW_JSON_PARSE, SW_JSON_DUPLICATE_KEY, SW_JSON_TOO_DEEP
   */
  constructor(bytes: Buffer, members: Members = parseMembers(bytes)) {
    this.#bytes = onOneLine(bytes);
    this.#members = members;
  }

  /** A value of our own, written once: where its members are is known without reading the text again. */
  static of(value: Readonly<Record<string, unknown>>): RawResult {
    const members = new Map<string, MemberSpan>();
    const texts: string[] = [];
    let at = 0;
    const write = (text: string): number => {
      texts.push(text);
      return (at += Buffer.byteLength(text));
    };
    for (const [name, member] of Object.entries(value)) {
      if (member === undefined) continue;
      const keyStart = write(members.size > 0 ? ',' : '{');
      const start = write(`${JSON.stringify(name)}:`);
      members.set(name, { keyStart, start, end: write(JSON.stringify(member)) });
    }
    write(members.size > 0 ? '}' : '{}');
    return new RawResult(Buffer.from(texts.join('')), members);
  }

  get byteLength(): number {
    return this.#bytes.length;
  }

  /** True where the text occurs anywhere, in names and values alike: a cheap reason not to look closer. */
  mentions(text: string): boolean {
    return this.#bytes.includes(text);
  }

  has(name: string): boolean {
    return this.#members.has(name);
  }

  /** True where the member is there and an object; nothing is parsed. */
  holdsObject(name: string): boolean {
    const span = this.#members.get(name);
    return span !== undefined && this.#bytes[span.start] === openBrace;
  }

  /**
   * The parsed member, or undefined where there is none.
   * @throws SW_JSON_PARSE
   */
  get(name: string): unknown {
    const span = this.#members.get(name);
    return span && parseText(this.#bytes, span.start, span.end);
  }

  /**
   * A member that is an object, as bytes of its own; undefined where there is none or it is something else.
   * @throws SW_JSON_PARSE
   */
  inner(name: string): RawResult | undefined {
    const span = this.#members.get(name);
    if (!span || this.#bytes[span.start] !== openBrace) return undefined;
    return new RawResult(this.#bytes.subarray(span.start, span.end));
  }

  /** The same with members set, as `splice` does it. */
  with(set: Readonly<Record<string, unknown>>, remove: readonly string[] = []): RawResult {
    return new RawResult(Buffer.concat(this.splice(set, remove)));
  }

  /**
   * The whole value, parsed once.
   * @throws SW_JSON_PARSE
   */
  toObject(): Record<string, unknown> {
    this.#whole ??= parseText(this.#bytes) as Record<string, unknown>;
    return this.#whole;
  }

  /**
   * The bytes with members added, given as JSON text without braces; the caller knows that none of them is there.
   * In pieces, like `splice`.
   */
  append(members: string): (Buffer | string)[] {
    if (members === '') return [this.#bytes];
    const separator = this.#members.size > 0 ? ',' : '';
    return [this.#bytes.subarray(0, -1), `${separator}${members}}`];
  }

  /** The same with the value of a member that is there moved one level down, under `key`; its text stays as it is. */
  nest(name: string, key: string): RawResult {
    const span = this.#members.get(name);
    if (!span) return this;
    const before = Buffer.from(`{${JSON.stringify(key)}:`);
    const pieces = [
      this.#bytes.subarray(0, span.start),
      before,
      this.#bytes.subarray(span.start, span.end),
      close,
      this.#bytes.subarray(span.end),
    ];
    return new RawResult(Buffer.concat(pieces));
  }

  /**
   * The bytes with members removed and set. A member that is set and present is replaced; one set to undefined is
   * removed. Returned in pieces so that the large middle is not copied.
   */
  splice(set: Readonly<Record<string, unknown>>, remove: readonly string[] = []): Buffer[] {
    const gone = new Set([...Object.keys(set), ...remove].filter((name) => this.#members.has(name)));
    const added = Object.entries(set)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
    if (gone.size === 0 && added.length === 0) return [this.#bytes];
    const pieces: Buffer[] = [Buffer.from(`{${added.join(',')}`)];
    let separator = added.length > 0;
    for (const run of runsWithout(this.#members, gone)) {
      if (separator) pieces.push(comma);
      pieces.push(this.#bytes.subarray(run.start, run.end));
      separator = true;
    }
    pieces.push(close);
    return pieces;
  }
}

const openBrace = 0x7b;
const comma = Buffer.from(',');
const close = Buffer.from('}');

/** The stretches of members between those that go: members that stand next to each other are one slice. */
function runsWithout(members: Members, gone: ReadonlySet<string>): { start: number; end: number }[] {
  const runs: { start: number; end: number }[] = [];
  let run: { start: number; end: number } | undefined;
  for (const [name, { keyStart, end }] of members) {
    if (gone.has(name)) run = undefined;
    else if (run) run.end = end;
    else runs.push((run = { start: keyStart, end }));
  }
  return runs;
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;

/** JSON allows line breaks between tokens only, so a space in their place keeps the value. */
function onOneLine(bytes: Buffer): Buffer {
  if (!bytes.includes(lineFeed) && !bytes.includes(carriageReturn)) return bytes;
  const line = Buffer.from(bytes);
  for (const lineBreak of [lineFeed, carriageReturn])
    for (let i = line.indexOf(lineBreak); i >= 0; i = line.indexOf(lineBreak, i + 1)) line[i] = space;
  return line;
}
