import type { ServerResponse } from 'node:http';

/** JSON text in pieces; a large one is written piece by piece instead of being joined. */
type Pieces = readonly (string | Buffer)[];

const joinBelowBytes = 64 * 1024;
const newline = Buffer.from('\n');

/**
 * One HTTP response: exactly one JSON body, or one SSE stream. The first word decides which, so a call that only has
 * a result costs no stream.
 */
export class HttpAnswer {
  readonly #response: ServerResponse;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #maxBufferedBytes: number;
  readonly #onStatus: ((status: number) => void) | undefined;
  readonly #onSlow: (() => void) | undefined;
  #state: 'waiting' | 'streaming' | 'ended' = 'waiting';

  /**
   * @param headers that every answer carries
   * @param maxBufferedBytes a client that reads slower than this is cut off (bytes waiting in the socket)
   * @param onStatus told of the status once it is decided
   * @param onSlow told when a client is cut off
   */
  constructor(
    response: ServerResponse,
    headers: Readonly<Record<string, string>>,
    maxBufferedBytes: number,
    onStatus?: (status: number) => void,
    onSlow?: () => void,
  ) {
    this.#response = response;
    this.#headers = headers;
    this.#maxBufferedBytes = maxBufferedBytes;
    this.#onStatus = onStatus;
    this.#onSlow = onSlow;
    response.on('error', destroyBroken);
  }

  get state(): 'waiting' | 'streaming' | 'ended' {
    return this.#state;
  }

  /** Calls back when the connection ends before the answer did. */
  onDisconnect(listener: () => void): void {
    this.#response.on('close', () => {
      if (this.#state === 'ended') return;
      this.#state = 'ended';
      listener();
    });
  }

  /** Answers with one JSON text. */
  json(status: number, pieces: Pieces, headers: Readonly<Record<string, string>> = {}): void {
    if (this.#state !== 'waiting') return;
    this.#state = 'ended';
    this.#onStatus?.(status);
    const length = pieces.reduce(
      (sum, piece) => sum + (typeof piece === 'string' ? Buffer.byteLength(piece) : piece.length),
      0,
    );
    this.#response.writeHead(status, {
      ...this.#headers,
      'content-type': 'application/json',
      'content-length': length,
      ...headers,
    });
    if (pieces.length === 1) {
      this.#response.end(pieces[0]);
      return;
    }
    if (length < joinBelowBytes) {
      this.#response.end(joined(pieces, length));
      return;
    }
    this.#response.cork();
    for (const piece of pieces) this.#response.write(piece);
    this.#response.end();
  }

  /** Answers without a body. */
  empty(status: number, headers: Readonly<Record<string, string>> = {}): void {
    if (this.#state !== 'waiting') return;
    this.#state = 'ended';
    this.#onStatus?.(status);
    this.#response.writeHead(status, { ...this.#headers, ...(status === 204 ? {} : noBody), ...headers });
    this.#response.end();
  }

  /** Turns the answer into an SSE stream. */
  startStream(): void {
    if (this.#state !== 'waiting') return;
    this.#state = 'streaming';
    this.#onStatus?.(200);
    this.#response.writeHead(200, { ...this.#headers, ...streamHeaders });
    this.#response.flushHeaders();
  }

  /** Sends one event; JSON has no line break outside strings, so those of a pretty-printed body become spaces. */
  event(data: Pieces, id?: string): void {
    if (this.#state !== 'streaming') return;
    const field = id === undefined ? 'data: ' : `id: ${id}\ndata: `;
    const [only] = data;
    // Notifications come in floods: each is one chunk on the wire.
    if (data.length === 1 && typeof only === 'string') this.#response.write(`${field}${oneLine(only)}\n\n`);
    else {
      this.#response.cork();
      this.#response.write(field);
      for (const piece of data) this.#response.write(oneLine(piece));
      this.#response.write('\n\n');
      this.#response.uncork();
    }
    this.#cutSlowReader();
  }

  /** Sends one event of another type than `message`, as the HTTP+SSE transport of 2024-11-05 needs. */
  namedEvent(name: string, data: string): void {
    this.#raw(`event: ${name}\ndata: ${data}\n\n`);
  }

  /** The first event of a resumable stream: an id and no data; `retry` tells how soon to come back. */
  prime(id: string, retryMs: number): void {
    this.#raw(`id: ${id}\nretry: ${retryMs}\ndata: \n\n`);
  }

  /** Tells the client how soon to come back, before the stream ends. */
  retry(retryMs: number): void {
    this.#raw(`retry: ${retryMs}\n\n`);
  }

  /** A comment line keeps proxies from closing an idle stream. */
  keepAlive(): void {
    this.#raw(': keep-alive\n\n');
  }

  end(): void {
    if (this.#state !== 'streaming') return;
    this.#state = 'ended';
    this.#response.end();
  }

  /** Calls back when the answer has left the process, or its connection has gone. */
  onceGone(listener: () => void): void {
    if (this.#response.writableFinished || this.#response.destroyed) listener();
    else this.#response.once('close', listener);
  }

  #raw(text: string): void {
    if (this.#state !== 'streaming') return;
    this.#response.write(text);
    this.#cutSlowReader();
  }

  #cutSlowReader(): void {
    if (this.#response.destroyed || this.#response.writableLength <= this.#maxBufferedBytes) return;
    this.#onSlow?.();
    this.#response.destroy();
  }
}

/** The pieces in one buffer of the right size. */
function joined(pieces: Pieces, length: number): Buffer {
  const whole = Buffer.allocUnsafe(length);
  let at = 0;
  for (const piece of pieces) at += typeof piece === 'string' ? whole.write(piece, at) : piece.copy(whole, at);
  return whole;
}

/** Shared by all answers, so that a request costs no closure for it. */
function destroyBroken(this: ServerResponse): void {
  this.destroy();
}

const noBody = { 'content-length': '0' };
const streamHeaders = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no',
};

function oneLine(piece: string): string;
function oneLine(piece: string | Buffer): string | Buffer;
function oneLine(piece: string | Buffer): string | Buffer {
  if (typeof piece === 'string')
    return piece.includes('\n') || piece.includes('\r') ? piece.replace(/[\r\n]/g, ' ') : piece;
  if (!piece.includes(newline) && !piece.includes(0x0d)) return piece;
  const copy = Buffer.from(piece);
  for (let i = 0; i < copy.length; i++) if (copy[i] === 0x0a || copy[i] === 0x0d) copy[i] = 0x20;
  return copy;
}
