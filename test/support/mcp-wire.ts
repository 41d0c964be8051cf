import { Agent, request, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';

/** One HTTP request as a test writes it, nothing added but what `node:http` must add. */
export interface WireRequest {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: OutgoingHttpHeaders;
  /** Sent as it is; an object is written as JSON. */
  readonly body?: string | Buffer | object;
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  /** The body as one JSON value; undefined where it is none. */
  readonly json: Message | undefined;
  /** The events of a stream that has ended. */
  readonly events: readonly WireEvent[];
}

/** A JSON-RPC message, loosely typed: tests assert on its members. */
// Sound for tests only: what is asserted is compared, never trusted.
export interface Message {
  readonly id?: string | number | null;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: Record<string, unknown> };
}

export interface WireEvent {
  readonly id: string | undefined;
  readonly retry: string | undefined;
  readonly data: string;
  readonly message: Message | undefined;
}

/** A response that is read event by event while it is open. */
export interface OpenStream {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly events: readonly WireEvent[];
  /** Comment lines seen so far. */
  readonly comments: readonly string[];
  /** The first event, seen or still to come, for which `match` is true. Rejects when the stream ends without it. */
  until(match: (event: WireEvent) => boolean): Promise<WireEvent>;
  /** The next message for which `match` is true. */
  message(match: (message: Message) => boolean): Promise<Message>;
  /** Resolves when the other side has ended the response: `complete` tells a polite end from a cut connection. */
  ended(): Promise<{ complete: boolean }>;
  /** Drops the connection. */
  drop(): void;
  /** Stops and goes on reading the socket. */
  pause(): void;
  resume(): void;
}

/** Sends requests to one address over kept-alive connections. */
export class WireClient {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 200 });
  readonly #host: string;
  readonly #port: number;

  constructor(host: string, port: number) {
    this.#host = host;
    this.#port = port;
  }

  /** Sends and reads everything, also a stream, until the server ends it. */
  async send(wire: WireRequest): Promise<Reply> {
    const response = await this.#begin(wire);
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    const isStream = response.headers['content-type'] === 'text/event-stream';
    const events = isStream ? text.split('\n\n').flatMap((block) => readEvent(block) ?? []) : [];
    return {
      status: response.statusCode ?? 0,
      headers: response.headers,
      text,
      json: isStream ? undefined : tryParse(text),
      events,
    };
  }

  /** Sends and hands back the response as soon as its head is there. */
  async open(wire: WireRequest): Promise<OpenStream> {
    return new Stream(await this.#begin(wire));
  }

  close(): void {
    this.#agent.destroy();
  }

  #begin({ method = 'POST', path = '/mcp', headers = {}, body }: WireRequest): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const outgoing = request(
        {
          host: this.#host,
          port: this.#port,
          method,
          path,
          headers,
          agent: this.#agent,
          setHost: !('host' in headers),
        },
        resolve,
      );
      outgoing.on('error', reject);
      outgoing.end(
        body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
      );
    });
  }
}

class Stream implements OpenStream {
  readonly events: WireEvent[] = [];
  readonly comments: string[] = [];
  readonly #response: IncomingMessage;
  readonly #waiting = new Set<() => void>();
  #rest = '';
  #over: { complete: boolean } | undefined;

  constructor(response: IncomingMessage) {
    this.#response = response;
    response.setEncoding('utf8');
    response.on('data', (text: string) => this.#take(text));
    response.on('error', () => {}); // A cut connection is told by 'close'.
    response.on('close', () => {
      this.#over = { complete: response.complete };
      this.#wake();
    });
  }

  get status(): number {
    return this.#response.statusCode ?? 0;
  }
  get headers(): IncomingMessage['headers'] {
    return this.#response.headers;
  }

  until(match: (event: WireEvent) => boolean): Promise<WireEvent> {
    return this.#poll(
      () => this.events.find(match),
      () => `the stream ended without the event; it had ${JSON.stringify(this.events)}`,
    );
  }

  async message(match: (message: Message) => boolean): Promise<Message> {
    const event = await this.until(({ message }) => message !== undefined && match(message));
    return event.message as Message;
  }

  ended(): Promise<{ complete: boolean }> {
    return this.#poll(
      () => this.#over,
      () => '',
    );
  }

  drop(): void {
    this.#response.destroy();
  }
  pause(): void {
    this.#response.pause();
  }
  resume(): void {
    this.#response.resume();
  }

  #poll<Value>(find: () => Value | undefined, missing: () => string): Promise<Value> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = find();
        if (found === undefined && !this.#over) return;
        this.#waiting.delete(look);
        if (found === undefined) reject(new Error(missing()));
        else resolve(found);
      };
      this.#waiting.add(look);
      look();
    });
  }

  #take(text: string): void {
    const blocks = (this.#rest + text).split('\n\n');
    this.#rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const event = readEvent(block);
      if (event) this.events.push(event);
      else this.comments.push(block);
    }
    this.#wake();
  }

  #wake(): void {
    for (const look of [...this.#waiting]) look();
  }
}

/** One block of an event stream; undefined for a comment and for a block without data. */
function readEvent(block: string): WireEvent | undefined {
  const fields = new Map<string, string>();
  for (const line of block.split('\n')) {
    // Without the flag `s` a line separator (U+2028), which JSON may hold as it is, would end the match.
    const match = /^(id|retry|data): ?(.*)$/s.exec(line);
    if (match) fields.set(match[1] as string, match[2] as string);
  }
  const data = fields.get('data');
  if (data === undefined && !fields.has('retry')) return undefined;
  return { id: fields.get('id'), retry: fields.get('retry'), data: data ?? '', message: tryParse(data ?? '') };
}

function tryParse(text: string): Message | undefined {
  try {
    return JSON.parse(text) as Message;
  } catch {
    // Not JSON: an empty body, a priming event. The caller asserts on the text.
    return undefined;
  }
}
