/** The two ends of a line that was too long to keep: enough to find the id of the message. */
export interface LongLine {
  readonly head: string;
  readonly tail: string;
}

const newline = 0x0a;
const edgeBytes = 256;

/**
 * Cuts a byte stream into lines (the framing of MCP over stdio). A line that lies in one chunk is not copied; one
 * that is longer than the bound is skipped while it streams by.
 */
export class LineReader {
  readonly #maxLineBytes: number;
  readonly #onLine: (line: Buffer) => void;
  readonly #onLongLine: (line: LongLine) => void;
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** Set while a line over the bound streams by. */
  #skipping: { head: Buffer; tail: Buffer } | undefined;

  constructor(maxLineBytes: number, onLine: (line: Buffer) => void, onLongLine: (line: LongLine) => void) {
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
    if (line.length > 0) this.#onLine(line);
  }
}

/** The id of the response in a skipped line, where it stands at the very beginning or end as libraries write it. */
export function idOfLongLine({ head, tail }: LongLine): number | undefined {
  const found =
    /^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"id"\s*:\s*(\d+)\s*,/.exec(head) ??
    /,\s*"id"\s*:\s*(\d+)\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$/.exec(tail);
  return found ? Number(found[1]) : undefined;
}
