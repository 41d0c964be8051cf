import { connect, type Socket } from 'node:net';
import { idPlaceholder, type LoadJob } from './job.js';
import { faultOf, parseHead, type Head } from './response.js';

/**
 * What a right answer looks like as bytes: learnt from answers that were parsed in full, shared by all connections of
 * a job. An answer of this very size with the expected id at the expected place passes; any other is parsed.
 */
export interface Shape {
  total: number;
  headEnd: number;
  idAt: number;
}

export interface ConnectionEvents {
  opened(connection: Connection): void;
  /** One answer is complete; `fault` says what was wrong with it. */
  answered(connection: Connection, fault: string | undefined): void;
  /** The connection ended although nobody closed it. */
  lost(connection: Connection, reason: string): void;
}

const sampleEvery = 100;
const idDigits = String(idPlaceholder).length;
/** One read buffer for all sockets: a read is handled to its end before the next one starts. */
const readBuffer = Buffer.allocUnsafe(256 * 1024);
const lastChunk = Buffer.from('0\r\n\r\n');

function requestBytes(job: LoadJob): Buffer {
  const head = Object.entries({
    host: `${job.host}:${String(job.port)}`,
    ...job.headers,
    'content-length': String(Buffer.byteLength(job.body)),
  })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
  return Buffer.from(`POST ${job.path} HTTP/1.1\r\n${head}\r\n${job.body}`);
}

/**
 * One keep-alive connection with at most one request on it. Raw sockets and patched bytes on purpose: the generator
 * must not be what limits a measurement.
 */
export class Connection {
  /** When the running request was sent, or should have been; `performance.now()`. */
  since = 0;
  readonly #job: LoadJob;
  readonly #shape: Shape;
  readonly #events: ConnectionEvents;
  readonly #request: Buffer;
  readonly #idAt: number;
  readonly #socket: Socket;
  #id = 0;
  #sampled = false;
  #received = 0;
  #chunks: Buffer[] = [];
  #head: Head | undefined;
  #closed = false;

  constructor(job: LoadJob, shape: Shape, events: ConnectionEvents) {
    this.#job = job;
    this.#shape = shape;
    this.#events = events;
    this.#request = requestBytes(job);
    this.#idAt = this.#request.indexOf(String(idPlaceholder));
    this.#socket = connect({
      host: job.host,
      port: job.port,
      noDelay: true,
      onread: {
        buffer: readBuffer,
        callback: (length) => {
          this.#read(length);
          return true;
        },
      },
    });
    this.#socket.on('connect', () => {
      events.opened(this);
    });
    this.#socket.on('error', (error) => {
      this.#lose(error.message);
    });
    this.#socket.on('close', () => {
      this.#lose('closed by the server');
    });
  }

  /** Sends the request with this id; `since` is the moment its latency counts from. */
  send(id: number, since: number): void {
    this.#id = id;
    this.since = since;
    this.#sampled = id % sampleEvery === 0;
    let rest = id;
    for (let at = this.#idAt + idDigits - 1; at >= this.#idAt; at -= 1) {
      this.#request[at] = 48 + (rest % 10);
      rest = Math.floor(rest / 10);
    }
    this.#socket.write(this.#request);
  }

  close(): void {
    this.#closed = true;
    this.#socket.destroy();
  }

  #lose(reason: string): void {
    if (this.#closed) return;
    this.close();
    this.#events.lost(this, reason);
  }

  #read(length: number): void {
    if (this.#received === 0 && length === this.#shape.total && !this.#sampled && this.#matches(readBuffer)) {
      this.#events.answered(this, undefined);
      return;
    }
    this.#collect(readBuffer.subarray(0, length));
  }

  /** True when the bytes are a 200 of the known shape with this request's id in it. */
  #matches(bytes: Buffer): boolean {
    const { headEnd, idAt } = this.#shape;
    if (bytes[9] !== 50 || bytes[10] !== 48 || bytes[11] !== 48 || bytes[headEnd - 1] !== 10) return false;
    for (let at = 0; at < idDigits; at += 1) {
      if (bytes[idAt + at] !== this.#request[this.#idAt + at]) return false;
    }
    return true;
  }

  /** Gathers an answer that came in parts, or that is to be parsed. */
  #collect(bytes: Buffer): void {
    this.#received += bytes.length;
    const length = this.#head?.length;
    const complete = this.#head !== undefined && length !== undefined && this.#received >= this.#head.end + length;
    // The middle of a long answer of known length is only counted, except in the sample: copying 1 MiB costs more
    // than anything else here.
    const countOnly = length !== undefined && !complete && !this.#sampled && this.#shape.total > 0;
    if (!countOnly) this.#chunks.push(Buffer.from(bytes));
    this.#head ??= parseHead(this.#chunks.length === 1 ? (this.#chunks[0] ?? bytes) : Buffer.concat(this.#chunks));
    if (this.#head === undefined) return;
    const done =
      this.#head.length === undefined
        ? this.#endsWithLastChunk()
        : this.#received >= this.#head.end + this.#head.length;
    if (done) this.#finish(this.#head);
  }

  #endsWithLastChunk(): boolean {
    const tail = Buffer.concat(this.#chunks.slice(-2)).subarray(-lastChunk.length);
    return tail.equals(lastChunk);
  }

  #finish(head: Head): void {
    const total = this.#received;
    const bytes = Buffer.concat(this.#chunks);
    const partial = bytes.length !== total;
    this.#received = 0;
    this.#chunks = [];
    this.#head = undefined;
    const fault = partial ? this.#quickFault(bytes, head, total) : faultOf(bytes, head, this.#id, this.#job.expect);
    if (!partial && fault === undefined) {
      this.#shape.total = total;
      this.#shape.headEnd = head.end;
      this.#shape.idAt = bytes.indexOf(String(this.#id), head.end);
    }
    this.#events.answered(this, fault);
  }

  /** Checks a long answer of which only the first and the last part were kept. */
  #quickFault(bytes: Buffer, head: Head, total: number): string | undefined {
    if (head.status !== 200) return `status ${String(head.status)}`;
    if (total !== this.#shape.total) return `expected ${String(this.#shape.total)} bytes, got ${String(total)}`;
    return bytes.includes(String(this.#id), head.end) ? undefined : `expected id ${String(this.#id)}`;
  }
}
