/** The two ends of a line that could not be kept or read: enough to find the id of the message. */
export interface LineEdges {
  readonly head: string;
  readonly tail: string;
}

const newline = 0x0a;
const edgeBytes = 256;
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * Cuts a byte stream into lines (the framing of MCP over stdio). A line that lies in one chunk is not copied; one
 * that is longer than the bound is skipped while it streams by.
 */
export class LineReader {
  readonly #maxLineBytes: number;
  readonly #onLine: (line: Buffer) => void;
  readonly #onLongLine: (line: LineEdges) => void;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #isFirst = true;
  /** Set while a line over the bound streams by. */
  #skipping: { head: Buffer; tail: Buffer } | undefined;

  constructor(maxLineBytes: number, onLine: (line: Buffer) => void, onLongLine: (line: LineEdges) => void) {
    this.#maxLineBytes = maxLineBytes;
    this.#onLine = onLine;
    this.#onLongLine = onLongLine;
  }

  feed(chunk: Buffer): void {
    let at = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, at)) {
      this.#add(chunk.subarray(at, end));
      this.#endLine();
      at = end + 1;
    }
    if (at < chunk.length) this.#add(chunk.subarray(at));
  }

  #add(part: Buffer): void {
    if (this.#skipping) {
      this.#skipping.tail = Buffer.concat([this.#skipping.tail, part.subarray(-edgeBytes)]).subarray(-edgeBytes);
      return;
    }
    this.#held.push(part);
    this.#heldBytes += part.length;
    if (this.#heldBytes <= this.#maxLineBytes) return;
    const whole = Buffer.concat(this.#held);
    // Copies: the edges must not keep the line alive.
    this.#skipping = { head: Buffer.from(whole.subarray(0, edgeBytes)), tail: Buffer.from(whole.subarray(-edgeBytes)) };
    this.#held = [];
    this.#heldBytes = 0;
  }

  #endLine(): void {
    if (this.#skipping) {
      const { head, tail } = this.#skipping;
      this.#skipping = undefined;
      return this.#onLongLine({ head: head.toString('latin1'), tail: tail.toString('latin1') });
    }
    const [first] = this.#held;
    if (!first) return;
    const line = this.#held.length === 1 ? first : Buffer.concat(this.#held, this.#heldBytes);
    this.#held = [];
    this.#heldBytes = 0;
    if (line.length > 0) this.#onLine(this.#isFirst ? withoutMark(line) : line);
    this.#isFirst = false;
  }
}

/** Some runtimes begin a stream with a byte order mark; RFC 8259 section 8.1 lets us ignore it. */
const withoutMark = (line: Buffer): Buffer =>
  byteOrderMark.equals(line.subarray(0, byteOrderMark.length)) ? line.subarray(byteOrderMark.length) : line;

/** The edges of a whole line. */
export const edgesOf = (line: Buffer): LineEdges => ({
  head: line.toString('latin1', 0, edgeBytes),
  tail: line.toString('latin1', Math.max(0, line.length - edgeBytes)),
});

const version = String.raw`"jsonrpc"\s*:\s*"2\.0"`;
const idFirst = new RegExp(
  String.raw`^\s*\{\s*(?:${version}\s*,\s*)?"id"\s*:\s*(\d+)\s*(?:\}|,\s*(?:${version}\s*,\s*)?"(?:result|error)"\s*:)`,
);
const answerFirst = new RegExp(String.raw`^\s*\{\s*(?:${version}\s*,\s*)?"(?:result|error)"\s*:`);
const idLast = new RegExp(String.raw`,\s*"id"\s*:\s*(\d+)\s*(?:,\s*${version}\s*)?\}\s*$`);

/** The id of the response in such a line, where it stands at the very beginning or end as libraries write it. */
export function answeredId({ head, tail }: LineEdges): number | undefined {
  const found = idFirst.exec(head) ?? (answerFirst.test(head) ? idLast.exec(tail) : null);
  return found ? Number(found[1]) : undefined;
}

/** True for what looks like a response of whatever id; a line of a log or a message with a method does not. */
export const looksLikeAnswer = ({ head, tail }: LineEdges): boolean =>
  /^\s*\{/.test(head) && `${head}${tail}`.includes('"jsonrpc"') && !`${head}${tail}`.includes('"method"');
