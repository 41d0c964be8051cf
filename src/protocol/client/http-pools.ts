import { Client, Pool, type Dispatcher } from 'undici';
import { guardedConnector, type AddressRange, type Connector, type Resolve } from '#kernel/http/index.js';

/** How connections to an origin are made and kept. */
export interface HttpPoolSettings {
  /** Addresses that connections may go to. */
  readonly network: AddressRange;
  /** `auto`: HTTP/2 where a server behind TLS offers it. */
  readonly http2: 'auto' | 'never';
  /** Milliseconds to be connected, TLS included. */
  readonly connectTimeoutMs: number;
  /** Connections for calls at once; a call beyond it waits for one. Long-lived streams have their own. */
  readonly maxConnections: number;
  /** Milliseconds after which a connection takes no new request, so that a changed DNS entry is seen. */
  readonly keepAliveMaxMs: number;
  /** Certificates to trust instead of the system's, PEM. */
  readonly ca?: string | undefined;
  /** How names are resolved. Default: the system's resolver. */
  readonly resolve?: Resolve | undefined;
}

/** The connections to one origin, shared by all endpoints of equal settings. */
export interface HttpPool {
  readonly calls: Dispatcher;
  readonly streams: Dispatcher;
  /** Once per user; the last one closes the connections. */
  release(): Promise<void>;
}

interface Shared {
  readonly calls: Pool;
  readonly streams: Pool;
  users: number;
}

/** Milliseconds for which an unused connection is kept. */
const keepAliveMs = 30_000;
/** Requests that share one HTTP/2 connection. */
const maxH2Streams = 100;

/** Connection pools by origin and settings: two upstreams on one machine share what they can. */
export class HttpPools {
  readonly #shared = new Map<string, Shared>();

  acquire(origin: string, settings: HttpPoolSettings): HttpPool {
    const key = JSON.stringify([origin, settings]);
    const shared = this.#shared.get(key) ?? open(origin, settings);
    this.#shared.set(key, shared);
    shared.users++;
    return {
      calls: shared.calls,
      streams: shared.streams,
      release: async () => {
        if (--shared.users > 0) return;
        this.#shared.delete(key);
        await Promise.all([shared.calls.destroy(), shared.streams.destroy()]);
      },
    };
  }
}

function open(origin: string, settings: HttpPoolSettings): Shared {
  const { network, http2, connectTimeoutMs, maxConnections, keepAliveMaxMs, ca, resolve } = settings;
  const allowH2 = http2 === 'auto';
  const connect = guardedConnector({ range: network, timeoutMs: connectTimeoutMs, allowH2, ca, resolve });
  const pool = (connections: number | null) =>
    new Pool(origin, {
      connect,
      allowH2,
      connections,
      keepAliveTimeout: keepAliveMs,
      clientTtl: keepAliveMaxMs,
      // Each request brings its own.
      headersTimeout: 0,
      bodyTimeout: 0,
      factory: (to, options) => oneConnection(to, options, connect),
    });
  return { calls: pool(maxConnections), streams: pool(null), users: 0 };
}

/** One connection: HTTP/1.1 takes one request at a time, HTTP/2 many. Which one it is turns out at the TLS handshake. */
function oneConnection(origin: URL, options: Client.Options, connect: Connector): Client {
  const client = new Client(origin, {
    ...options,
    pipelining: 1,
    connect: (target, callback) =>
      connect(target, (...outcome) => {
        const [error, socket] = outcome;
        if (!error) client.pipelining = 'alpnProtocol' in socket && socket.alpnProtocol === 'h2' ? maxH2Streams : 1;
        callback(...outcome);
      }),
  });
  return client;
}
