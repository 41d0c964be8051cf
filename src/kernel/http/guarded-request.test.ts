import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { guardedRequest, type GuardedRequestOptions } from './index.js';
import type { Resolve } from './index.js';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function listening(server: Server | ReturnType<typeof createTcpServer>): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  const port = await listening(server);
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${port}`;
}

async function serveRaw(connected: (socket: Socket) => void): Promise<string> {
  const sockets: Socket[] = [];
  const server = createTcpServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => socket.destroy());
    connected(socket);
  });
  const port = await listening(server);
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${port}`;
}

const local: GuardedRequestOptions = { allowLoopback: true };
/** Answers each look-up with the next of these addresses. */
const resolving = (...answers: readonly (readonly string[])[]) => {
  const asked: string[] = [];
  const resolve: Resolve = (hostname, callback) => {
    const addresses = answers[Math.min(asked.length, answers.length - 1)] ?? [];
    asked.push(hostname);
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  };
  return { asked, resolve };
};

describe('a guarded request goes nowhere', () => {
  it.each([
    'https://127.0.0.1/',
    'https://0.0.0.0/',
    'https://169.254.169.254/latest/meta-data/',
    'https://10.0.0.1/',
    'https://2130706433/',
    'https://0177.0.0.1/',
    'https://0x7f.1/',
    'https://127.1/',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[::ffff:7f00:1]/',
    'https://[::127.0.0.1]/',
    'https://[64:ff9b::7f00:1]/',
    'https://[64:ff9b:1::a00:1]/',
    'https://[2002:7f00:1::]/',
    'https://[2001:0:4136:e378:8000:63bf:80ff:fffe]/',
    'https://[fd00::1]/',
    'https://[fe80::1]/',
    'https://localhost/',
  ])('near: %s', async (url) => {
    await expect(guardedRequest(url)).rejects.toMatchObject({ code: 'SW_ADDRESS_REFUSED' });
  });

  it.each([
    ['without TLS', 'http://example.com/'],
    ['without TLS to this machine', 'http://127.0.0.1/'],
    ['with another scheme', 'file:///etc/passwd'],
    ['with a password', 'https://me:secret@example.com/'],
    ['without an address', 'not a url'],
  ])('%s', async (_what, url) => {
    const error = await guardedRequest(url).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'SW_OUTBOUND_REFUSED' });
    expect(String(error)).not.toContain('secret');
  });

  it.each([['127.0.0.1'], ['::ffff:10.0.0.1'], ['64:ff9b::a9fe:a9fe'], ['2002:a00:1::'], ['::127.0.0.1']])(
    'by a name that means %s',
    async (address) => {
      const { resolve } = resolving([address]);
      const error = await guardedRequest('https://inside.test./', { resolve }).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'SW_ADDRESS_REFUSED' });
      expect(String(error)).not.toContain(address);
    },
  );

  it('by a name with one good and one bad address', async () => {
    const { resolve } = resolving(['127.0.0.1', '10.0.0.1']);
    const url = new URL(await serve((_request, response) => response.end('reached')));
    url.hostname = 'mixed.test';
    await expect(guardedRequest(url.href, { ...local, resolve })).rejects.toMatchObject({ code: 'SW_ADDRESS_REFUSED' });
  });

  it('by a name that changes its meaning: what was checked is what is connected to, each time', async () => {
    const { asked, resolve } = resolving(['127.0.0.1'], ['10.0.0.1']);
    const url = new URL(await serve((_request, response) => response.end('reached')));
    url.hostname = 'rebinding.test';
    const first = await guardedRequest(url.href, { ...local, resolve });
    expect(first.body.toString()).toBe('reached');
    expect(asked).toEqual(['rebinding.test']);
    await expect(guardedRequest(url.href, { ...local, resolve })).rejects.toMatchObject({ code: 'SW_ADDRESS_REFUSED' });
  });
});

describe('a redirect', () => {
  const redirecting = (location: string, seen: unknown[] = []) =>
    serve((request, response) => {
      seen.push(request.headers.authorization);
      if (request.url === '/end') response.end('end');
      else response.writeHead(302, { location }).end();
    });

  it('is followed with the credentials on the same origin', async () => {
    const seen: unknown[] = [];
    const url = await redirecting('/end', seen);
    const response = await guardedRequest(url, { ...local, headers: { Authorization: 'Bearer mine' } });
    expect(response).toMatchObject({ status: 200, url: `${url}/end` });
    expect(seen).toEqual(['Bearer mine', 'Bearer mine']);
  });

  it('to another origin leaves the credentials behind', async () => {
    const headersThere: unknown[] = [];
    const there = await serve((request, response) => {
      headersThere.push(request.headers);
      response.end();
    });
    const headers = { Authorization: 'Bearer mine', 'X-Api-Key': 'mine', Accept: 'text/plain' };
    await guardedRequest(await redirecting(there), { ...local, headers });
    expect(headersThere).toEqual([expect.objectContaining({ accept: 'text/plain' })]);
    expect(JSON.stringify(headersThere)).not.toContain('mine');
  });

  it.each([
    ['a private address', 'https://10.0.0.1/', 'SW_ADDRESS_REFUSED'],
    ['the address of the machine in another form', 'https://[2002:7f00:1::]/', 'SW_ADDRESS_REFUSED'],
    ['a private address without TLS', 'http://169.254.169.254/', 'SW_ADDRESS_REFUSED'],
    ['a file', 'file:///etc/passwd', 'SW_OUTBOUND_REFUSED'],
    ['itself, for ever', '/', 'SW_OUTBOUND_REFUSED'],
  ])('to %s is refused', async (_what, location, code) => {
    await expect(guardedRequest(await redirecting(location), local)).rejects.toMatchObject({ code });
  });

  it('is given back where there is none to follow: after a POST', async () => {
    const response = await guardedRequest(await redirecting('/end'), { ...local, method: 'POST', body: '{}' });
    expect(response.status).toBe(302);
  });

  it('resolves its name anew', async () => {
    const { resolve } = resolving(['127.0.0.1'], ['192.168.0.1']);
    const url = new URL(await redirecting('/end'));
    url.hostname = 'rebinding.test';
    await expect(guardedRequest(url.href, { ...local, resolve })).rejects.toMatchObject({ code: 'SW_ADDRESS_REFUSED' });
  });
});

describe('the answer to a guarded request', () => {
  it.each<[string, RequestListener]>([
    [
      'announces too much',
      (_request, response) => response.writeHead(200, { 'content-length': '4000' }).flushHeaders(),
    ],
    ['is too much', (_request, response) => response.write('x'.repeat(4000))],
    [
      'never stops',
      (_request, response) => {
        const more = setInterval(() => response.write('x'.repeat(100)), 1);
        response.on('close', () => clearInterval(more));
      },
    ],
  ])('that %s is cut off', async (_what, answer) => {
    const url = await serve(answer);
    await expect(guardedRequest(`${url}/?token=t`, { ...local, maxBytes: 1000 })).rejects.toMatchObject({
      code: 'SW_OUTBOUND_TOO_LARGE',
      details: { url: `${url}/`, maxBytes: 1000 },
    });
  });

  it('that is packed is refused', async () => {
    const bomb = gzipSync(Buffer.alloc(1_000_000));
    const url = await serve((_request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb));
    await expect(guardedRequest(url, local)).rejects.toMatchObject({ code: 'SW_OUTBOUND_REFUSED' });
  });

  it.each<[string, (socket: Socket) => void]>([
    ['that never comes', () => {}],
    [
      'whose head comes byte by byte',
      (socket) => {
        socket.write('HTTP/1.1 200 OK\r\nx: ');
        const more = setInterval(() => socket.write('x'), 20);
        socket.on('close', () => clearInterval(more));
      },
    ],
    ['whose body never ends', (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12')],
  ])('%s runs into its time', async (_what, connected) => {
    const url = await serveRaw(connected);
    await expect(guardedRequest(url, { ...local, timeoutMs: 200 })).rejects.toMatchObject({
      code: 'SW_OUTBOUND_TIMEOUT',
      details: { timeoutMs: 200 },
    });
  });

  it('that breaks off has failed', async () => {
    const url = await serveRaw((socket) => socket.on('data', () => socket.destroy()));
    await expect(guardedRequest(url, local)).rejects.toMatchObject({ code: 'SW_OUTBOUND_FAILED' });
  });

  it('is given whole, whatever its status', async () => {
    const url = await serve((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => response.writeHead(404, { 'x-method': request.method }).end(`got ${body}`));
    });
    const response = await guardedRequest(url, { allow: 'any', method: 'PUT', body: 'this' });
    expect(response).toMatchObject({ status: 404, headers: { 'x-method': 'PUT' } });
    expect(response.body.toString()).toBe('got this');
  });
});
