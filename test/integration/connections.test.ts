import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { rawHttp, statusesOf } from '../support/raw-http.js';
import { startSeaworthy, type Seaworthy } from '../support/seaworthy-process.js';

/** The built program with room for few connections and little patience. */
let server: Seaworthy;
const sockets: Socket[] = [];
beforeAll(async () => {
  server = await startSeaworthy({
    config: {
      server: { maxConnections: 4, maxConnectionsPerAddress: 2, trustedProxies: ['127.0.0.9'], requestTimeoutMs: 1000 },
      modules: { example: {} },
    },
  });
}, 60_000);
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await eventually(async () => (await metrics()).includes('seaworthy_open_connections 0\n'));
});
afterAll(async () => {
  await server.stop();
});

const whole = 'GET /openapi.json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
const ask = async (from: string) => statusesOf(await rawHttp(server.url, whole, from));
const metrics = () => rawHttp(server.operationsUrl, whole.replace('/openapi.json', '/metrics'));
async function hold(from: string): Promise<Socket> {
  const { port } = new URL(server.url);
  const socket = connect({ host: '127.0.0.1', port: Number(port), localAddress: from });
  socket.on('error', () => {}); // Cut off by the test or by the server.
  sockets.push(socket);
  await once(socket, 'connect');
  return socket;
}
const opened = (count: number) =>
  eventually(async () => (await metrics()).includes(`seaworthy_open_connections ${count}\n`));

it('one address has so many connections, others go on, and a closed one makes room', async () => {
  const [socket] = [await hold('127.0.0.1'), await hold('127.0.0.1')];
  await opened(2);
  const refused = await rawHttp(server.url, whole);
  expect(statusesOf(refused)).toEqual([503]);
  expect(refused).toContain('SW_OVERLOADED');
  expect(refused).toContain('x-content-type-options: nosniff');
  expect(await ask('127.0.0.2')).toEqual([200]);
  expect(await metrics()).toContain('seaworthy_connections_refused_total{limit="address"} 1');
  socket.destroy();
  await opened(1);
  expect(await ask('127.0.0.1')).toEqual([200]);
});

it('a trusted proxy has as many as there are in all', async () => {
  for (let i = 0; i < 4; i++) await hold('127.0.0.9');
  await opened(4);
  expect(await ask('127.0.0.1')).toEqual([503]);
  expect(await metrics()).toContain('seaworthy_connections_refused_total{limit="all"} 1');
});

it('a request that arrives too slowly is told so, head or body, and its connection is closed', async () => {
  const slow = [
    'GET /openapi.json HTTP/1.1\r\nHost: localhost\r\nX-Slow: ',
    'POST /mcp HTTP/1.1\r\nHost: localhost\r\nX-API-Key: KEY\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
  ];
  const answers = await Promise.all(
    slow.map((bytes, i) => rawHttp(server.url, bytes.replace('KEY', server.apiKey ?? ''), `127.0.1.${i + 1}`)),
  );
  for (const answer of answers) {
    expect(statusesOf(answer)).toEqual([408]);
    expect(answer).toContain('SW_BODY_TIMEOUT');
  }
}, 20_000);
