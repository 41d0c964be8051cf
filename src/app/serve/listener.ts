import {
  createServer,
  STATUS_CODES,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions as HttpOptions,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { fail, reasonOf, type SeaworthyError } from '#kernel/errors/index.js';
import type { ConnectionRefusal } from './connections.js';
import type { Tls } from './tls.js';
import { securityHeaders } from '#protocol/transport/index.js';

/** One listening socket. */
export interface Listener {
  readonly server: Server;
  /** `http://host:port`, or `https:`. */
  readonly url: string;
  /** Takes no new connection and tells clients on open ones to leave; resolves when all are gone. */
  close(): Promise<void>;
}

export interface ListenerOptions {
  readonly host: string;
  readonly port: number;
  /** Time for a request to arrive whole, milliseconds. */
  readonly requestTimeoutMs: number;
  /** Time in which a client must read something of an answer that waits for it, milliseconds. Default 60,000. */
  readonly writeTimeoutMs?: number;
  /** Told when a client that read nothing for that long was cut off. */
  readonly onSlowClient?: () => void;
  /** Speaks TLS with this certificate. */
  readonly tls?: Tls | undefined;
  /** Counts a new connection, and says which limit it is over. */
  readonly admit?: (socket: Socket) => ConnectionRefusal | undefined;
  /** Told of what was refused before it was a request. */
  readonly onRefusal?: (code: string) => void;
}

/** How often connections that have become idle are looked for while closing, milliseconds. */
const idleLookMs = 50;

const maxHeaderBytes = 16 * 1024;

/** Opens an HTTP listener that is not easily held up by slow or half-sent requests. @throws SW_ADDRESS_IN_USE */
export async function openListener(
  options: ListenerOptions,
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Listener> {
  let closing = false;
  // Clients open connections ahead of need. Node does not count one as idle before its first request, so it would hold
  // the end up until it times out.
  const unused = new Set<Socket>();
  // One for all responses. A response that waits for its result is silent too: only bytes that nobody takes count.
  const onSilence = function (this: ServerResponse): void {
    if (!this.socket?.writableLength) return;
    options.onSlowClient?.();
    this.destroy();
  };
  const { tls } = options;
  const parser: HttpOptions = {
    // Refused by the edge, with the headers of every answer.
    requireHostHeader: false,
    requestTimeout: options.requestTimeoutMs,
    headersTimeout: Math.min(10_000, options.requestTimeoutMs),
    keepAliveTimeout: 65_000,
    maxHeaderSize: maxHeaderBytes,
    connectionsCheckingInterval: 5000,
  };
  const onRequest: RequestListener = (request, response) => {
    unused.delete(request.socket);
    if (closing) response.setHeader('connection', 'close');
    response.on('timeout', onSilence);
    handle(request, response);
  };
  const secure = tls && createTlsServer({ ...parser, ...tls.options }, onRequest);
  const server: Server = secure ?? createServer(parser, onRequest);
  server.timeout = options.writeTimeoutMs ?? 60_000;
  server.on('connection', (socket: Socket) => {
    const limit = options.admit?.(socket);
    if (limit !== undefined) {
      const refusal = fail('SW_OVERLOADED', { reason: 'too many connections' });
      options.onRefusal?.(refusal.code);
      if (!tls) socket.write(rawAnswer(refusal));
      socket.destroySoon();
    }
  });
  server.on(tls ? 'secureConnection' : 'connection', (socket: Socket) => {
    unused.add(socket);
    socket.once('close', () => unused.delete(socket));
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // Bytes written now would stand before or inside the answer to an earlier request. Node's own handler looks there too.
    const answer = (socket as { _httpMessage?: ServerResponse | null })._httpMessage;
    const late = error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && answer?.headersSent === false;
    if (
      (answer && !late) ||
      !socket.writable ||
      error.code === 'ECONNRESET' ||
      error.code === 'HPE_CLOSED_CONNECTION'
    ) {
      socket.destroy();
      return;
    }
    const refusal = refusalOf(error, options.requestTimeoutMs);
    options.onRefusal?.(refusal.code);
    socket.end(rawAnswer(refusal));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(fail('SW_ADDRESS_IN_USE', { host: options.host, port: options.port, reason: reasonOf(cause) }, cause));
    });
    server.listen(options.port, options.host, resolve);
  });
  if (secure) await tls.watch(secure);
  const { port } = server.address() as AddressInfo;
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  return {
    server,
    url: `${tls ? 'https' : 'http'}://${host === '0.0.0.0' ? '127.0.0.1' : host === '[::]' ? '[::1]' : host}:${port}`,
    close() {
      closing = true;
      return new Promise((resolve) => {
        // A connection whose answer had begun before this was told to stay, and is idle only once that has ended.
        const timer = setInterval(() => server.closeIdleConnections(), idleLookMs);
        server.close(() => {
          clearInterval(timer);
          resolve();
        });
        server.closeIdleConnections();
        for (const socket of unused) socket.destroy();
      });
    },
  };
}

/** What the parser refused, as an error of ours. */
function refusalOf(error: NodeJS.ErrnoException, timeoutMs: number): SeaworthyError {
  if (error.code === 'HPE_HEADER_OVERFLOW') return fail('SW_HEADERS_TOO_LARGE', { maxBytes: maxHeaderBytes });
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return fail('SW_BODY_TIMEOUT', { timeoutMs });
  return fail('SW_HTTP_MALFORMED', { reason: 'it is not HTTP as RFC 9112 has it' }, error);
}

/** An answer for a connection on which no request was read: Node has no response object for it. */
function rawAnswer({ code, message, hint, entry }: SeaworthyError): string {
  const body = JSON.stringify({ error: { code, message, hint } });
  const headers = {
    ...securityHeaders,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${entry.http} ${STATUS_CODES[entry.http] ?? ''}\r\n${lines.join('')}\r\n${body}`;
}

/** Answers with JSON. @param headers those of the request's arrival */
export function sendJson(
  response: ServerResponse,
  headers: Readonly<Record<string, string>>,
  status: number,
  value: unknown,
): void {
  const text = JSON.stringify(value);
  response.writeHead(status, {
    ...headers,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}
