import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { fail, reasonOf } from '#kernel/errors/index.js';

/** One listening socket. */
export interface Listener {
  readonly server: Server;
  /** `http://host:port`. */
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
}

/** How often connections that have become idle are looked for while closing, milliseconds. */
const idleLookMs = 50;

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
  const server = createServer(
    {
      requestTimeout: options.requestTimeoutMs,
      headersTimeout: Math.min(10_000, options.requestTimeoutMs),
      keepAliveTimeout: 65_000,
      maxHeaderSize: 16 * 1024,
      connectionsCheckingInterval: 5000,
    },
    (request, response) => {
      unused.delete(request.socket);
      if (closing) response.setHeader('connection', 'close');
      response.on('timeout', onSilence);
      handle(request, response);
    },
  );
  server.timeout = options.writeTimeoutMs ?? 60_000;
  server.on('connection', (socket) => {
    unused.add(socket);
    socket.once('close', () => unused.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(fail('SW_ADDRESS_IN_USE', { host: options.host, port: options.port, reason: reasonOf(cause) }, cause));
    });
    server.listen(options.port, options.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  return {
    server,
    url: `http://${host === '0.0.0.0' ? '127.0.0.1' : host === '[::]' ? '[::1]' : host}:${port}`,
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

/** Answers with JSON that no cache keeps. */
export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  const text = JSON.stringify(value);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(text);
}
