import { connect, type Socket } from 'node:net';
import { sessionHeaders, type Endpoint } from './mcp.js';

/** GET streams of legacy sessions, held open by raw sockets. */
export interface HeldStreams {
  /** How many are answered as an event stream and still open. */
  open(): number;
  close(): void;
}

const openMs = 20_000;

function getRequest(endpoint: Endpoint, session: string): string {
  const url = new URL(endpoint.url);
  const { 'content-type': _type, ...headers } = sessionHeaders(endpoint, session);
  const lines = Object.entries({ host: url.host, ...headers, accept: 'text/event-stream' });
  return `GET ${url.pathname} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}

/** Opens one GET stream per session; resolves when each has its head, rejects when one has not after 20 seconds. */
export async function openStreams(endpoint: Endpoint, sessions: readonly string[]): Promise<HeldStreams> {
  const url = new URL(endpoint.url);
  const streaming = new Set<Socket>();
  const sockets: Socket[] = [];
  const opening = sessions.map(
    (session) =>
      new Promise<void>((resolve, reject) => {
        const socket = connect(Number(url.port), url.hostname);
        sockets.push(socket);
        socket.on('connect', () => socket.write(getRequest(endpoint, session)));
        socket.once('data', (bytes: Buffer) => {
          const head = bytes.toString('latin1').toLowerCase();
          if (head.startsWith('http/1.1 200') && head.includes('text/event-stream')) streaming.add(socket);
          else reject(new Error(`no stream: ${head.slice(0, 300)}`));
          resolve();
        });
        socket.on('error', reject);
        socket.on('close', () => {
          streaming.delete(socket);
          reject(new Error('the stream was closed'));
        });
        setTimeout(reject, openMs, new Error('the stream did not open')).unref();
      }),
  );
  const close = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  try {
    await Promise.all(opening);
  } catch (error) {
    close();
    throw error;
  }
  return { open: () => streaming.size, close };
}
