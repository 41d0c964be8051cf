import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { CallScope } from '#kernel/context/index.js';
import { systemClock } from '#kernel/time/index.js';
import type { ModelNotification } from '../model/index.js';
import { HttpEndpoint } from './http-endpoint.js';
import { HttpPools } from './http-pools.js';
import { HttpPeer } from './http-peer.js';
import { HttpSession } from './http-session.js';
import { faultsOf } from './peer.js';

const poolSettings = {
  network: 'any',
  http2: 'never',
  connectTimeoutMs: 2_000,
  maxConnections: 8,
  keepAliveMaxMs: 60_000,
} as const;
type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;
const open: { server: Server; endpoint: HttpEndpoint }[] = [];
afterEach(async () => {
  for (const { server, endpoint } of open.splice(0)) {
    await endpoint.close();
    server.closeAllConnections();
    server.close();
  }
});

async function setUp(answer: Answer) {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => answer(request, response, body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const endpoint = new HttpEndpoint({
    url: `${origin}/mcp`,
    headers: { authorization: 'Bearer configured' },
    pool: new HttpPools().acquire(origin, poolSettings),
    connectTimeoutMs: 2_000,
    headersTimeoutMs: 0,
    idleTimeoutMs: 0,
    maxMessageBytes: 2_000,
    faults: faultsOf('up'),
    clock: systemClock,
  });
  open.push({ server, endpoint });
  const unattributed: ModelNotification[] = [];
  const options = {
    endpoint,
    maxResultBytes: 1_000,
    unattributed: (notification: ModelNotification) => unattributed.push(notification),
  };
  const peer = new HttpPeer(endpoint, options.maxResultBytes, options.unattributed);
  const session = new HttpSession({ ...options, onGone: () => {} });
  return { peer, session, server, unattributed };
}

const principal = { id: 'local:1', kind: 'local', name: 'test', roles: [] } as const;
const callOf = (seen: ModelNotification[] = []) => ({
  request: { method: 'tools/call', params: { name: 't', _meta: { progressToken: 'p' } } },
  scope: new CallScope('c', principal, performance.now()),
  channel: { notify: (notification: ModelNotification) => seen.push(notification) },
});
const idOf = (body: string) => (JSON.parse(body) as { id: number }).id;
const response = (id: unknown, result: object = { ok: true }) => JSON.stringify({ jsonrpc: '2.0', id, result });
const json = (answer: ServerResponse, status: number, body: string, type = 'application/json') =>
  answer.writeHead(status, { 'content-type': type }).end(body);
const stream = (answer: ServerResponse) =>
  answer.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });

describe('a request over HTTP', () => {
  it('reads JSON and sends what is configured', async () => {
    let authorization: string | undefined;
    const { peer } = await setUp((request, answer, body) => {
      authorization = request.headers.authorization;
      json(answer, 200, response(idOf(body)));
    });
    expect((await peer.request(callOf())).toObject()).toEqual({ ok: true });
    expect(authorization).toBe('Bearer configured');
  });

  it('reads a stream: notifications in order under the caller’s token, announcements apart, then the result', async () => {
    const { peer, unattributed } = await setUp((_request, answer, body) => {
      const events = [1, 2].map((progress) => ({
        method: 'notifications/progress',
        params: { progressToken: idOf(body), progress },
      }));
      const all = [...events, { method: 'notifications/tools/list_changed', params: {} }];
      stream(answer).write(all.map((event) => `data: ${JSON.stringify({ jsonrpc: '2.0', ...event })}\n\n`).join(''));
      answer.end(`data: ${response(idOf(body))}\n\n`);
    });
    const seen: ModelNotification[] = [];
    await peer.request(callOf(seen));
    expect(seen.map(({ params }) => [params['progressToken'], params['progress']])).toEqual([
      ['p', 1],
      ['p', 2],
    ]);
    expect(unattributed.map(({ method }) => method)).toEqual(['notifications/tools/list_changed']);
  });

  it.each<[string, string, Answer]>([
    ['401', 'SW_UPSTREAM_REFUSED', (_r, answer) => json(answer, 401, '')],
    ['403', 'SW_UPSTREAM_REFUSED', (_r, answer) => json(answer, 403, '{"error":{"code":1,"message":"x"}}')],
    ['503', 'SW_UPSTREAM_UNAVAILABLE', (_r, answer) => json(answer, 503, '<html>', 'text/html')],
    ['502', 'SW_UPSTREAM_LOST', (_r, answer) => json(answer, 502, '<html>', 'text/html')],
    ['a plain 404', 'SW_UPSTREAM_PROTOCOL', (_r, answer) => json(answer, 404, 'no', 'text/plain')],
    ['202', 'SW_UPSTREAM_PROTOCOL', (_r, answer) => json(answer, 202, '')],
    ['no JSON', 'SW_UPSTREAM_PROTOCOL', (_r, answer) => json(answer, 200, '<html>')],
    ['a response to something else', 'SW_UPSTREAM_PROTOCOL', (_r, answer) => json(answer, 200, response(999))],
    ['a stream without the response', 'SW_UPSTREAM_LOST', (_r, answer) => stream(answer).end(': nothing\n\n')],
    [
      'a stream that is cut',
      'SW_UPSTREAM_LOST',
      (_r, answer) => void stream(answer).write(': x\n\n', () => answer.destroy()),
    ],
    ['a closed connection', 'SW_UPSTREAM_LOST', (_r, answer) => void answer.destroy()],
    [
      'a large result',
      'SW_RESULT_TOO_LARGE',
      (_r, answer, body) => json(answer, 200, response(idOf(body), { t: 'x'.repeat(1_200) })),
    ],
    [
      'a larger body',
      'SW_RESULT_TOO_LARGE',
      (_r, answer, body) => json(answer, 200, response(idOf(body), { t: 'x'.repeat(9_000) })),
    ],
    ['a large event', 'SW_RESULT_TOO_LARGE', (_r, answer) => void stream(answer).write(`data: ${'x'.repeat(9_000)}`)],
  ])('that is answered by %s rejects with %s', async (_what, code, answer) => {
    const { peer } = await setUp(answer);
    await expect(peer.request(callOf())).rejects.toMatchObject({ code });
  });

  it('keeps to itself that the server takes back a question: its id is of this hop', async () => {
    const { peer } = await setUp((_request, answer, body) => {
      const said = [
        { method: 'notifications/cancelled', params: { requestId: 1 } },
        { method: 'notifications/message', params: { level: 'info', data: 1 } },
      ];
      stream(answer);
      for (const message of said) answer.write(`data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`);
      answer.end(`data: ${response(idOf(body))}\n\n`);
    });
    const seen: ModelNotification[] = [];
    await peer.request(callOf(seen));
    expect(seen.map(({ method }) => method)).toEqual(['notifications/message']);
  });

  it('that nobody takes was not executed', async () => {
    const { peer, server } = await setUp(() => {});
    server.close();
    await once(server, 'close');
    await expect(peer.request(callOf())).rejects.toMatchObject({ code: 'SW_UPSTREAM_UNAVAILABLE' });
  });

  it('keeps the error of the server and its status', async () => {
    const error = { code: -32601, message: 'no such method', data: { a: 1 } };
    const { peer } = await setUp((_request, answer, body) =>
      json(answer, 404, JSON.stringify({ jsonrpc: '2.0', id: idOf(body), error })),
    );
    await expect(peer.request(callOf())).rejects.toMatchObject({ name: 'PeerError', error, status: 404 });
  });

  it('is broken off when its call is cancelled', async () => {
    let brokenOff = () => {};
    const closed = new Promise<void>((resolve) => (brokenOff = resolve));
    const { peer } = await setUp((_request, answer) => {
      stream(answer).write(': open\n\n');
      answer.on('close', brokenOff);
    });
    const call = callOf();
    const outcome = peer.request(call);
    setTimeout(() => call.scope.cancel('deadline'), 50);
    await expect(outcome).rejects.toMatchObject({ code: 'SW_DEADLINE_EXCEEDED' });
    await closed;
  });
});

describe('a legacy session over HTTP', () => {
  it('says that it is gone on 404', async () => {
    const { session } = await setUp((_request, answer) => json(answer, 404, 'no'));
    expect((await session.request(callOf())).kind).toBe('gone');
  });

  it('takes a stream up where it ended, as often as it ends', async () => {
    const resumed: unknown[] = [];
    let id = 0;
    const { session } = await setUp((request, answer, body) => {
      if (request.method === 'POST') id = idOf(body);
      else resumed.push(request.headers['last-event-id']);
      if (resumed.length < 2) stream(answer).end(`id: e${resumed.length}\nretry: 20\ndata:\n\n`);
      else stream(answer).end(`id: e9\ndata: ${response(id)}\n\n`);
    });
    expect((await session.request(callOf())).kind).toBe('result');
    expect(resumed).toEqual(['e0', 'e1']);
  });

  it('is lost when the stream cannot be taken up', async () => {
    const { session } = await setUp((request, answer) => {
      if (request.method === 'POST') stream(answer).end('id: 1\nretry: 20\ndata:\n\n');
      else json(answer, 405, '');
    });
    await expect(session.request(callOf())).rejects.toMatchObject({ code: 'SW_UPSTREAM_LOST' });
  });
});
