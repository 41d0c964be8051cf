import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { CallScope } from '#kernel/context/index.js';
import { systemClock } from '#kernel/time/index.js';
import { selfSignedCertificate } from '../../../test/support/certificate.js';
import { eventually } from '../../../test/support/eventually.js';
import { HttpEndpoint } from './http-endpoint.js';
import { HttpPeer } from './http-peer.js';
import { HttpPools, type HttpPoolSettings } from './http-pools.js';
import { faultsOf } from './peer.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const plain: HttpPoolSettings = {
  network: 'any',
  http2: 'auto',
  connectTimeoutMs: 2_000,
  maxConnections: 4,
  keepAliveMaxMs: 60_000,
};

interface Listening {
  listen(port: number, host: string): unknown;
  on(event: 'connection', listener: (socket: Socket) => void): unknown;
  once(event: 'listening', listener: () => void): unknown;
  address(): unknown;
  close(): unknown;
}

/** Listens and counts connections: all there were, and those that are open. */
async function listening(server: Listening) {
  const sockets = new Set<Socket>();
  const counts = { made: 0, open: () => sockets.size, port: 0 };
  server.on('connection', (socket) => {
    counts.made++;
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await new Promise<void>((resolve) => server.once('listening', resolve));
  counts.port = (server.address() as AddressInfo).port;
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return counts;
}

interface EndpointTuning {
  readonly headersTimeoutMs?: number;
  readonly idleTimeoutMs?: number;
}

function endpointAt(url: string, pools: HttpPools, settings = plain, tuning: EndpointTuning = {}) {
  const endpoint = new HttpEndpoint({
    url,
    headers: {},
    pool: pools.acquire(new URL(url).origin, settings),
    connectTimeoutMs: settings.connectTimeoutMs,
    headersTimeoutMs: 0,
    idleTimeoutMs: 0,
    ...tuning,
    maxMessageBytes: 100_000,
    faults: faultsOf('up'),
    clock: systemClock,
  });
  closing.push(() => endpoint.close());
  const peer = new HttpPeer(endpoint, 100_000, () => {});
  return { endpoint, call: (request = callOf()) => peer.request(request) };
}

const principal = { id: 'local:1', kind: 'local', name: 'test', roles: [] } as const;
const callOf = () => ({
  request: { method: 'tools/call', params: { name: 't' } },
  scope: new CallScope('c', principal, performance.now()),
});

type AnyRequest = IncomingMessage | Http2ServerRequest;
type AnyResponse = ServerResponse | Http2ServerResponse;
/** Answers each request with a result that holds what `tell` says. */
const answering = (tell: (request: AnyRequest) => object) => (request: AnyRequest, response: AnyResponse) => {
  let body = '';
  request.on('data', (chunk: Buffer) => (body += chunk.toString()));
  request.on('end', () => {
    const { id } = JSON.parse(body) as { id: number };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ jsonrpc: '2.0', id, result: tell(request) }));
  });
};
const versionOf = (request: AnyRequest) => ({ version: request.httpVersion });

describe('connections to one origin', () => {
  it('are shared by endpoints of equal settings, and closed with the last of them', async () => {
    const counts = await listening(createServer(answering(versionOf)));
    const url = `http://127.0.0.1:${counts.port}`;
    const pools = new HttpPools();
    const [one, other] = [endpointAt(`${url}/one`, pools), endpointAt(`${url}/other`, pools)];
    await one.call();
    // The connection is free a moment after its answer.
    await nextTurn();
    await other.call();
    expect(counts.made).toBe(1);
    await endpointAt(url, pools, { ...plain, maxConnections: 5 }).call();
    expect(counts.made).toBe(2);
    await one.endpoint.close();
    await nextTurn();
    await other.call();
    expect(counts.made).toBe(2);
    for (const close of closing.splice(1)) await close();
    await eventually(() => counts.open() === 0);
  });

  it('are no more than they may be; a call beyond waits', async () => {
    let busy = 0;
    let most = 0;
    const server = createServer((request, response) => {
      most = Math.max(most, ++busy);
      setTimeout(() => {
        busy--;
        answering(versionOf)(request, response);
      }, 20);
    });
    const counts = await listening(server);
    const { call } = endpointAt(`http://127.0.0.1:${counts.port}`, new HttpPools());
    const results = await Promise.all(Array.from({ length: 20 }, () => call()));
    expect(results).toHaveLength(20);
    expect([most, counts.made]).toEqual([4, 4]);
  });

  it('are made anew at their age, to where the name leads then', async () => {
    const [first, second] = [createServer(answering(() => ({ at: 1 }))), createServer(answering(() => ({ at: 2 })))];
    const counts = await listening(first);
    let address = '127.0.0.1';
    const settings: HttpPoolSettings = {
      ...plain,
      keepAliveMaxMs: 30,
      resolve: (_hostname, callback) => callback(null, [{ address, family: 4 }]),
    };
    const { call } = endpointAt(`http://moving.test:${counts.port}`, new HttpPools(), settings);
    expect((await call()).toObject()).toEqual({ at: 1 });
    second.listen(counts.port, '127.0.0.2');
    await once(second, 'listening');
    closing.push(() => {
      second.closeAllConnections();
      second.close();
    });
    address = '127.0.0.2';
    await eventually(async () => (await call()).toObject()['at'] === 2);
  });

  it('go to public addresses only where that is demanded', async () => {
    const counts = await listening(createServer(answering(versionOf)));
    for (const host of ['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]']) {
      const settings: HttpPoolSettings = { ...plain, network: 'public' };
      const { call } = endpointAt(`http://${host}:${counts.port}`, new HttpPools(), settings);
      await expect(call()).rejects.toMatchObject({ code: 'SW_ADDRESS_REFUSED' });
    }
    expect(counts.made).toBe(0);
  });
});

describe('the protocol of a connection', () => {
  const { key, cert } = selfSignedCertificate();
  const secureServer = () => {
    const server = createSecureServer({ key, cert, allowHTTP1: true });
    server.on('request', answering(versionOf));
    return listening(server);
  };

  it('is HTTP/2 where the server offers it: many calls on a few connections, one broken off alone', async () => {
    const server = createSecureServer({ key, cert });
    let holding = 0;
    let released = () => {};
    const gate = new Promise<void>((resolve) => (released = resolve));
    server.on('request', (request, response) => {
      holding++;
      void gate.then(() => answering(versionOf)(request, response));
    });
    const counts = await listening(server);
    const settings: HttpPoolSettings = { ...plain, maxConnections: 2, ca: cert };
    const { call } = endpointAt(`https://127.0.0.1:${counts.port}`, new HttpPools(), settings);
    const broken = callOf();
    const outcomes = [call(broken), ...Array.from({ length: 29 }, () => call())];
    await eventually(() => holding === 30);
    broken.scope.cancel('client');
    await expect(outcomes.shift()).rejects.toMatchObject({ code: 'SW_CANCELLED' });
    released();
    const versions = (await Promise.all(outcomes)).map((result) => result.toObject()['version']);
    expect(new Set(versions)).toEqual(new Set(['2.0']));
    expect(counts.made).toBeLessThanOrEqual(2);
  });

  it('is HTTP/1.1 where HTTP/2 is not wanted', async () => {
    const counts = await secureServer();
    const url = `https://127.0.0.1:${counts.port}`;
    const pools = new HttpPools();
    const auto = endpointAt(url, pools, { ...plain, ca: cert });
    const never = endpointAt(url, pools, { ...plain, ca: cert, http2: 'never' });
    expect((await auto.call()).toObject()).toEqual({ version: '2.0' });
    expect((await never.call()).toObject()).toEqual({ version: '1.1' });
  });

  it('is nothing where the certificate is not trusted', async () => {
    const counts = await secureServer();
    const { call } = endpointAt(`https://127.0.0.1:${counts.port}`, new HttpPools());
    await expect(call()).rejects.toMatchObject({ code: 'SW_UPSTREAM_UNAVAILABLE', details: { mayHaveRun: false } });
  });
});

describe('a deadline of an exchange', () => {
  const raw = async (answer: (socket: Socket) => void, tuning: EndpointTuning) => {
    const counts = await listening(createTcpServer((socket) => void socket.on('data', () => answer(socket))));
    return { counts, ...endpointAt(`http://127.0.0.1:${counts.port}`, new HttpPools(), plain, tuning) };
  };

  it('ends a wait for the head, also when it comes byte by byte', async () => {
    const { call, counts } = await raw(
      (socket) => {
        socket.write('HTTP/1.1 200 OK\r\nx: ');
        const more = setInterval(() => socket.write('x'), 20);
        socket.on('close', () => clearInterval(more));
      },
      { headersTimeoutMs: 300 },
    );
    await expect(call()).rejects.toMatchObject({
      code: 'SW_UPSTREAM_LOST',
      details: { deadline: 'headers', mayHaveRun: true },
    });
    await eventually(() => counts.open() === 0);
  });

  it('ends a silent answer', async () => {
    const head = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 1000\r\n\r\n: hello\n\n';
    const { call, counts } = await raw((socket) => void socket.write(head), { idleTimeoutMs: 300 });
    await expect(call()).rejects.toMatchObject({ code: 'SW_UPSTREAM_LOST', details: { deadline: 'idle' } });
    await eventually(() => counts.open() === 0);
  });

  it('ends an attempt to connect: nothing was sent', async () => {
    // A listener whose queue is full does not answer; TLS without a partner does not either, and is simpler to have.
    const counts = await listening(createTcpServer(() => {}));
    const settings: HttpPoolSettings = { ...plain, connectTimeoutMs: 300 };
    const { call } = endpointAt(`https://127.0.0.1:${counts.port}`, new HttpPools(), settings);
    await expect(call()).rejects.toMatchObject({
      code: 'SW_UPSTREAM_UNAVAILABLE',
      details: { deadline: 'connect', mayHaveRun: false },
    });
  });

  it('leaves long-lived streams alone', async () => {
    const counts = await listening(
      createServer((_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
        setTimeout(() => response.end('data: late\n\n'), 1_500);
      }),
    );
    const { endpoint } = endpointAt(`http://127.0.0.1:${counts.port}`, new HttpPools(), plain, { idleTimeoutMs: 300 });
    const heard = await new Promise<string>((resolve) => {
      let text = '';
      endpoint.get([], {
        event: ({ data }) => (text += data.toString()),
        end: () => resolve(text),
        failed: (error) => resolve(error.code),
      });
    });
    expect(heard).toBe('late');
  });
});
