import { fail } from '#kernel/errors/index.js';

/** One event of a `text/event-stream` (HTML Living Standard, 9.2). */
export interface SseEvent {
  /** `message` where the stream names none. */
  readonly event: string;
  /** The data lines joined by LF; empty for an event that only carries an id. */
  readonly data: Buffer;
  /** The last event id seen so far on this stream. */
  readonly id: string | undefined;
  /** The last reconnection time seen so far, milliseconds. */
  readonly retry: number | undefined;
}

const lf = 0x0a;
const cr = 0x0d;
const colon = 0x3a;
const space = 0x20;
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);
const newline = Buffer.from('\n');

/**
 * Reads server-sent events from chunks of any size. Each byte is looked at a constant number of times, and an event
 * that lies in one chunk is handed on without a copy.
 */
export class SseParser {
  readonly #onEvent: (event: SseEvent) => void;
  readonly #maxEventBytes: number;
  /** Bytes of the byte order mark seen so far; 3: the beginning is over. */
  #markSeen = 0;
  #skipLf = false;
  /** The line that has begun in earlier chunks. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  #data: Buffer[] = [];
  #dataBytes = 0;
  #type = '';
  #id: string | undefined;
  #retry: number | undefined;

  /** `maxEventBytes` bounds the data of one event and the length of one line. */
  constructor(onEvent: (event: SseEvent) => void, maxEventBytes: number) {
    this.#onEvent = onEvent;
    this.#maxEventBytes = maxEventBytes;
  }

  get lastEventId(): string | undefined {
    return this.#id;
  }
  get retryMs(): number | undefined {
    return this.#retry;
  }

  /** @throws SW_RESULT_TOO_LARGE when an event passes the bound; the parser is of no use afterwards. */
  feed(bytes: Buffer): void {
    const chunk = this.#markSeen < byteOrderMark.length ? this.#withoutMark(bytes) : bytes;
    let at = 0;
    if (this.#skipLf && chunk.length > 0) {
      this.#skipLf = false;
      if (chunk[0] === lf) at = 1;
    }
    let nextLf = chunk.indexOf(lf, at);
    let nextCr = chunk.indexOf(cr, at);
    while (at < chunk.length) {
      if (nextLf !== -1 && nextLf < at) nextLf = chunk.indexOf(lf, at);
      if (nextCr !== -1 && nextCr < at) nextCr = chunk.indexOf(cr, at);
      const end = nextLf === -1 ? nextCr : nextCr === -1 ? nextLf : Math.min(nextLf, nextCr);
      if (end === -1) return this.#hold(chunk.subarray(at));
      this.#line(this.#completed(chunk.subarray(at, end)));
      at = end + 1;
      if (chunk[end] === cr) {
        if (at === chunk.length) this.#skipLf = true;
        else if (chunk[at] === lf) at++;
      }
    }
  }

  /** The stream may begin with a byte order mark, which chunks can cut anywhere. */
  #withoutMark(bytes: Buffer): Buffer {
    let at = 0;
    while (at < bytes.length && this.#markSeen < byteOrderMark.length) {
      if (bytes[at] === byteOrderMark[this.#markSeen]) {
        at++;
        this.#markSeen++;
        continue;
      }
      const begun = byteOrderMark.subarray(0, this.#markSeen);
      this.#markSeen = byteOrderMark.length;
      return begun.length > 0 ? Buffer.concat([begun, bytes.subarray(at)]) : bytes;
    }
    return bytes.subarray(at);
  }

  #hold(part: Buffer): void {
    this.#heldBytes += part.length;
    this.#bound(this.#heldBytes);
    this.#held.push(part);
  }

  #completed(part: Buffer): Buffer {
    if (this.#held.length === 0) return part;
    const line = Buffer.concat([...this.#held, part]);
    this.#held = [];
    this.#heldBytes = 0;
    return line;
  }

  #line(line: Buffer): void {
    if (line.length === 0) return this.#dispatch();
    const at = line.indexOf(colon);
    if (at === 0) return;
    const name = line.toString('latin1', 0, at === -1 ? line.length : Math.min(at, maxNameLength));
    const value = at === -1 ? line.subarray(line.length) : line.subarray(line[at + 1] === space ? at + 2 : at + 1);
    if (name === 'data') {
      this.#dataBytes += value.length + 1;
      this.#bound(this.#dataBytes);
      this.#data.push(value);
    } else if (name === 'event') this.#type = value.toString('utf8');
    else if (name === 'id') {
      if (!value.includes(0)) this.#id = value.toString('utf8');
    } else if (name === 'retry') {
      const text = value.toString('latin1');
      if (/^\d{1,9}$/.test(text)) this.#retry = Number(text);
    }
  }

  #dispatch(): void {
    const event = this.#type || 'message';
    const lines = this.#data;
    this.#type = '';
    if (lines.length === 0) return;
    this.#data = [];
    this.#dataBytes = 0;
    const [first] = lines;
    const data =
      first && lines.length === 1
        ? first
        : Buffer.concat(lines.flatMap((line, i) => (i > 0 ? [newline, line] : [line])));
    this.#onEvent({ event, data, id: this.#id, retry: this.#retry });
  }

  #bound(bytes: number): void {
    if (bytes > this.#maxEventBytes) throw fail('SW_RESULT_TOO_LARGE', { maxBytes: this.#maxEventBytes });
  }
}

/** Longer names are no field of the format; cutting them keeps a hostile line from becoming a large string. */
const maxNameLength = 16;
