import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { wireModule } from '../fixtures/wire-module.js';
import { initializeBody, startMcpHttp, type McpTestServer } from '../support/mcp-http.js';
import { chance, type Chance } from '../support/seed.js';

/** How long the fuzzing goes on, milliseconds. */
const budgetMs = 10_000;
/** Longest silence before an exchange counts as hung, milliseconds. */
const patienceMs = 5000;

const unhandled: unknown[] = [];
const note = (error: unknown) => void unhandled.push(error);
let server: McpTestServer;
beforeAll(async () => {
  process.on('uncaughtException', note);
  process.on('unhandledRejection', note);
  server = await startMcpHttp({ modules: [wireModule().module] });
});
afterAll(async () => {
  await server.close();
  process.off('uncaughtException', note);
  process.off('unhandledRejection', note);
});

describe('bytes of any kind at a listener', () => {
  it(
    'are answered below 500 or with 503, or the connection ends; the server goes on',
    async () => {
      const random = chance('http fuzz');
      const session = await server.session();
      const seeds = validBodies(server).map((body) => JSON.stringify(body));
      const until = performance.now() + budgetMs;
      const counts = new Map<number, number>();
      let rounds = 0;
      while (performance.now() < until) {
        rounds++;
        const sent = message(random, random.pick(seeds), server.keys.owner, session.id);
        const statuses = await exchange(random, sent);
        for (const status of statuses) {
          counts.set(status, (counts.get(status) ?? 0) + 1);
          const fine = status < 500 || status === 503;
          if (!fine)
            expect.unreachable(`seed ${random.seed}, round ${rounds}: ${status} for ${sent.toString('latin1')}`);
        }
        expect(unhandled, `seed ${random.seed}, round ${rounds}`).toEqual([]);
      }
      // The fuzzing was worth its name: it got answers, good ones and bad ones.
      expect(counts.get(200) ?? 0).toBeGreaterThan(0);
      expect(counts.get(400) ?? 0).toBeGreaterThan(0);
      expect((await server.call('tools/call', { name: 'wire__echo' })).status).toBe(200);
      expect(server.mcp.counts().calls).toBe(0);
    },
    budgetMs + 2 * patienceMs,
  );
});

const validBodies = ({ modern }: McpTestServer): readonly object[] => [
  initializeBody(),
  modern('tools/call', { name: 'wire__echo', arguments: { a: [1, 'x', null, { b: true }] } }).body as object,
  modern('tools/list').body as object,
  modern('resources/read', { uri: 'wire://item/1' }).body as object,
  { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'wire__echo', arguments: { a: 'é\u0000' } } },
  {
    jsonrpc: '2.0',
    id: 'x',
    method: 'completion/complete',
    params: { ref: { type: 'ref/prompt', name: 'wire__hello' }, argument: { name: 'who', value: '' } },
  },
  { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } },
  { jsonrpc: '2.0', id: 1, result: {} },
  [{ jsonrpc: '2.0', id: 1, method: 'ping' }],
];

/** Fragments that parsers have fallen over before. */
const nasty = [
  '{',
  '}',
  '[',
  ']',
  '"',
  '\\',
  ',',
  ':',
  '\u0000',
  '\\u',
  '\\ud800',
  '1e999',
  '-',
  '0x1',
  'null',
  '__proto__',
  '\r\n',
  '\ufeff',
  '{"a":'.repeat(40),
  '9'.repeat(400),
  '"\\u0000"',
  '//',
  '\u2028',
];

function mutate(random: Chance, text: string): Buffer {
  let bytes = Buffer.from(text);
  for (let times = random.int(4); times > 0; times--) {
    const at = random.int(bytes.length + 1);
    const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
    const change = random.int(5);
    if (change === 0) bytes = Buffer.concat([before, Buffer.from(random.pick(nasty)), after]);
    else if (change === 1) bytes = Buffer.concat([before, after.subarray(random.int(8))]);
    else if (change === 2) bytes = Buffer.concat([before, random.bytes(random.int(6)), after]);
    else if (change === 3) bytes = Buffer.concat([before, before.subarray(-random.int(20)), after]);
    else bytes = Buffer.concat([after, before]);
  }
  return bytes;
}

/** One HTTP request, mostly well-formed outside its body. */
function message(random: Chance, seed: string, key: string, sessionId: string): Buffer {
  if (random.int(20) === 0) return random.bytes(random.int(300));
  const body = mutate(random, seed);
  const length = random.int(8) === 0 ? random.pick([0, body.length - 1, body.length + 3, 5, 10 ** 12]) : body.length;
  const modern = seed.includes('io.modelcontextprotocol');
  const method = (/"method":"([^"]*)"/.exec(seed)?.[1] ?? 'x').replace(/[^\x20-\x7e]/g, '');
  const name = /"(?:name|uri)":"([^"]*)"/.exec(seed)?.[1];
  const headers = [
    `${random.int(25) === 0 ? random.pick(['GET', 'DELETE', 'PUT', 'post']) : 'POST'} ${random.pick(['/mcp', '/mcp', '/mcp/wire', '/mcp/none'])} HTTP/1.1`,
    'Host: localhost',
    `Content-Type: ${random.int(25) === 0 ? random.pick(['text/plain', '', 'application/json; charset=x']) : 'application/json'}`,
    'Accept: application/json, text/event-stream',
    `Authorization: Bearer ${random.int(25) === 0 ? 'x' : key}`,
    ...(modern
      ? [
          'MCP-Protocol-Version: 2026-07-28',
          `Mcp-Method: ${method}`,
          ...(name === undefined ? [] : [`Mcp-Name: ${name}`]),
        ]
      : [`Mcp-Session-Id: ${sessionId}`]),
  ];
  if (random.int(6) === 0) {
    const size = random.int(8) === 0 ? 'zz' : body.length.toString(16);
    const chunked = Buffer.concat([Buffer.from(`${size}\r\n`), body, Buffer.from('\r\n0\r\n\r\n')]);
    return Buffer.concat([Buffer.from([...headers, 'Transfer-Encoding: chunked', '', ''].join('\r\n')), chunked]);
  }
  const one = Buffer.concat([Buffer.from([...headers, `Content-Length: ${length}`, '', ''].join('\r\n')), body]);
  // Pipelining: the next request is there before the first was answered.
  return random.int(6) === 0 ? Buffer.concat([one, one]) : one;
}

/** Sends the bytes, split anywhere, then half-closes; resolves with the statuses of all answers. */
async function exchange(random: Chance, bytes: Buffer): Promise<number[]> {
  const socket = connect(server.port, '127.0.0.1');
  socket.setNoDelay(true);
  const chunks: Buffer[] = [];
  const ended = new Promise<void>((resolve, reject) => {
    socket.setTimeout(patienceMs, () =>
      reject(new RangeError(`hung, seed ${random.seed}: ${bytes.toString('latin1')}`)),
    );
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', () => resolve()); // A reset is a way to refuse.
    socket.on('close', () => resolve());
  });
  for (let at = 0; at < bytes.length;) {
    const size = random.int(4) === 0 ? 1 + random.int(40) : bytes.length;
    if (!socket.writable) break;
    socket.write(bytes.subarray(at, at + size));
    at += size;
    if (at < bytes.length) await new Promise((resolve) => setImmediate(resolve));
  }
  socket.end();
  await ended;
  socket.destroy();
  const text = Buffer.concat(chunks).toString('latin1');
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
}
