import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import type { Provider } from '#gateway/catalog/index.js';
import { createUpstream, type HttpUpstreamConfig } from '#gateway/upstreams/index.js';
import type { SeaworthyError } from '#kernel/errors/index.js';
import { createMetrics, silentLogger } from '#kernel/telemetry/index.js';
import type { Family } from '#protocol/model/index.js';
import { textOf, toolCall } from '../contract/provider.js';
import {
  json,
  resultOf,
  startFaultyServer,
  type Fault,
  type FaultyServer,
} from '../fixtures/upstreams/faulty-server.js';
import { eventually } from '../support/eventually.js';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const patience = { connectTimeoutMs: 2_000, idleTimeoutMs: 400, maxResultBytes: 100_000, breaker: { failures: 0 } };

async function setUp(family: Family, config: Partial<HttpUpstreamConfig> = {}) {
  const server = await startFaultyServer(family);
  closing.push(() => server.down());
  const metrics = createMetrics();
  const provider = createUpstream(
    'faulty',
    { url: server.url, headers: { authorization: 'Bearer secret-token' }, ...patience, ...config },
    { logger: silentLogger, metrics },
  );
  await provider.start();
  expect(provider.health()).toMatchObject({ status: 'healthy' });
  const call = (name: string, deadlineMs = 5_000) => {
    const request = toolCall(family, name, {});
    const timer = setTimeout(() => request.scope.cancel('deadline'), deadlineMs);
    return provider.invoke(request).finally(() => clearTimeout(timer));
  };
  return { server, provider, metrics, call };
}

const errorOf = (promise: Promise<unknown>): Promise<SeaworthyError> =>
  promise.then(
    () => {
      throw new RangeError('it did not fail');
    },
    (error: unknown) => error as SeaworthyError,
  );

/** Stops the provider; the server must not keep a connection of ours. */
async function expectNoSockets(provider: Provider, server: FaultyServer): Promise<void> {
  await provider.stop();
  await eventually(() => server.sockets() === 0);
}

const stream = (response: Parameters<Fault>[0]['response']) =>
  response.writeHead(200, { 'content-type': 'text/event-stream' });
const event = (message: object) => `data: ${JSON.stringify(message)}\n\n`;
const trickle = (response: Parameters<Fault>[0]['response'], text: string) => {
  const more = setInterval(() => response.write(text), 20);
  response.on('close', () => clearInterval(more));
};

const faults: readonly (readonly [string, string, object, Fault])[] = [
  [
    'HTML',
    'SW_UPSTREAM_PROTOCOL',
    { reason: 'HTTP 200 with text/html instead of JSON' },
    ({ response }) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
  ],
  [
    'HTML with an error',
    'SW_UPSTREAM_LOST',
    { reason: 'HTTP 500 with text/html', mayHaveRun: true },
    ({ response }) => response.writeHead(500, { 'content-type': 'text/html' }).end('<html>'),
  ],
  ['a half-closed socket', 'SW_UPSTREAM_LOST', { mayHaveRun: true, safeToRepeat: false }, ({ socket }) => socket.end()],
  [
    'fewer bytes than it announced',
    'SW_UPSTREAM_LOST',
    { mayHaveRun: true },
    ({ socket }) =>
      socket.end('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n\r\n{"jsonrpc"'),
  ],
  [
    'fewer bytes than it announced, and silence',
    'SW_UPSTREAM_LOST',
    { deadline: 'idle' },
    ({ socket }) =>
      void socket.write('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n\r\n{"jsonrpc"'),
  ],
  [
    'more bytes than it announced',
    'SW_UPSTREAM_PROTOCOL',
    {},
    ({ socket, id }) =>
      void socket.write(
        `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 20\r\n\r\n${JSON.stringify(resultOf(id, 'x'))}`,
      ),
  ],
  [
    'a stream without end',
    'SW_DEADLINE_EXCEEDED',
    {},
    ({ response }) => {
      stream(response);
      trickle(response, ': still here\n\n');
    },
  ],
  [
    'a head that comes byte by byte',
    'SW_DEADLINE_EXCEEDED',
    {},
    ({ socket }) => {
      socket.write('HTTP/1.1 200 OK\r\nx-slow: ');
      const more = setInterval(() => socket.write('x'), 20);
      socket.on('close', () => clearInterval(more));
    },
  ],
  [
    'the wrong id',
    'SW_UPSTREAM_PROTOCOL',
    { reason: 'it answered under another id' },
    ({ response, id }) => void json(response, resultOf(id + 1_000, 'of somebody else')),
  ],
  [
    'the wrong id on a stream',
    'SW_UPSTREAM_PROTOCOL',
    { reason: 'it answered under another id' },
    ({ response, id }) => void stream(response).end(event(resultOf(id + 1_000, 'of somebody else'))),
  ],
  [
    '100 MB',
    'SW_RESULT_TOO_LARGE',
    { maxBytes: 104_096 },
    ({ response }) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const piece = Buffer.alloc(1_000_000, 'x');
      let sent = 0;
      const more = () => {
        while (sent++ < 100 && !response.destroyed)
          if (!response.write(piece)) return void response.once('drain', more);
      };
      more();
    },
  ],
  [
    'something packed',
    'SW_UPSTREAM_PROTOCOL',
    { reason: 'content encoding gzip' },
    ({ response }) => {
      const bomb = gzipSync(Buffer.alloc(10_000_000));
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(bomb);
    },
  ],
  [
    'a redirect',
    'SW_UPSTREAM_REDIRECTED',
    { status: 307, location: 'https://elsewhere.test/mcp', mayHaveRun: false },
    ({ response }) => response.writeHead(307, { location: 'https://user:pw@elsewhere.test/mcp?token=hidden' }).end(),
  ],
  [
    '401',
    'SW_UPSTREAM_REFUSED',
    { status: 401, credential: 'header authorization', mayHaveRun: false },
    ({ response }) => response.writeHead(401).end(),
  ],
  ['403', 'SW_UPSTREAM_REFUSED', { status: 403 }, ({ response }) => response.writeHead(403).end()],
  [
    '429',
    'SW_UPSTREAM_UNAVAILABLE',
    { retryAfterMs: 2_000, mayHaveRun: false },
    ({ response }) => response.writeHead(429, { 'retry-after': '2' }).end(),
  ],
  ['503', 'SW_UPSTREAM_UNAVAILABLE', { reason: 'HTTP 503' }, ({ response }) => response.writeHead(503).end()],
];

describe.each(['modern', 'legacy'] as const)('a %s server over HTTP that answers with', (family) => {
  it.each(faults)('%s fails its call only: %s', async (_what, code, details, fault) => {
    const { server, provider, call } = await setUp(family);
    server.fault = fault;
    const failed = errorOf(call('write', 1_500));
    expect(textOf(await call('echo'))).toBe('echo');
    const error = await failed;
    expect(error).toMatchObject({ code, details });
    expect(JSON.stringify([error.message, error.details])).not.toMatch(/hidden|secret-token|pw@/);
    expect(textOf(await call('echo'))).toBe('echo');
    await expectNoSockets(provider, server);
  });

  it('two answers gives the first one', async () => {
    const { server, provider, call } = await setUp(family);
    server.fault = ({ response, id }) =>
      void stream(response).end(event(resultOf(id, 'first')) + event(resultOf(id, 'second')));
    expect(textOf(await call('write'))).toBe('first');
    await expectNoSockets(provider, server);
  });
});

describe('a call whose connection breaks', () => {
  const breakOnce = (server: FaultyServer) => {
    server.fault = ({ socket }) => {
      server.fault = ({ response, id }) => void json(response, resultOf(id, 'again'));
      socket.destroy();
    };
  };

  it.each(['modern', 'legacy'] as const)('is made again where the tool allows it, %s', async (family) => {
    const { server, call, metrics } = await setUp(family);
    for (const name of ['peek', 'put']) {
      breakOnce(server);
      expect(textOf(await call(name))).toBe('again');
    }
    breakOnce(server);
    expect(await errorOf(call('write'))).toMatchObject({
      code: 'SW_UPSTREAM_LOST',
      details: { mayHaveRun: true, safeToRepeat: false },
    });
    expect(server.calls).toEqual(['peek', 'peek', 'put', 'put', 'write']);
    expect(await metrics.text()).toContain('seaworthy_upstream_retries_total{provider="faulty",outcome="made"} 2');
  });

  it('is made again once, and as often as the budget allows', async () => {
    const { server, call, metrics } = await setUp('modern');
    server.fault = ({ socket }) => socket.destroy();
    const error = await errorOf(call('peek'));
    expect(error.details).toMatchObject({ safeToRepeat: true });
    expect(server.calls).toEqual(['peek', 'peek']);
    await Promise.all(Array.from({ length: 60 }, () => errorOf(call('peek'))));
    expect(server.calls.length).toBeLessThan(2 * 61);
    expect(await metrics.text()).toMatch(/retries_total\{provider="faulty",outcome="refused"\} [1-9]/);
  });
});

describe('a server that is away', () => {
  it('is spared: calls fail at once, and it is found again', async () => {
    const breaker = { failures: 3, openMs: 1_500, maxOpenMs: 1_500 };
    const { server, provider, call, metrics } = await setUp('modern', { breaker });
    await server.down();
    // The first one may still go to a connection that is just ending.
    for (let i = 0; i < 3; i++) expect((await errorOf(call('echo'))).code).toMatch(/^SW_UPSTREAM_(LOST|UNAVAILABLE)$/);
    const rejected = await errorOf(call('echo'));
    expect(rejected).toMatchObject({ code: 'SW_UPSTREAM_UNAVAILABLE', details: { mayHaveRun: false } });
    expect(rejected.details['retryAfterMs']).toBeGreaterThan(0);
    expect(provider.health()).toMatchObject({ status: 'degraded', details: { circuit: 'open' } });
    expect(await metrics.text()).toContain('seaworthy_upstream_circuit{provider="faulty"} 2');
    await server.up();
    await eventually(async () => (await call('echo').then(textOf, () => '')) === 'echo', 10_000);
    expect(provider.health()).toMatchObject({ status: 'healthy', details: { circuit: 'closed' } });
    expect(await metrics.text()).toMatch(/seaworthy_upstream_rejected_total\{provider="faulty"\} [1-9]/);
  });

  it('is left alone for as long as it asks', async () => {
    const { server, call } = await setUp('modern', { breaker: {} });
    server.fault = ({ response }) => response.writeHead(503, { 'retry-after': '20' }).end();
    await errorOf(call('write'));
    const rejected = await errorOf(call('echo'));
    expect(rejected).toMatchObject({ code: 'SW_UPSTREAM_UNAVAILABLE' });
    expect(rejected.details['retryAfterMs']).toBeGreaterThan(10_000);
    expect(server.calls).toEqual(['write']);
  });

  it('is not away when it refuses our credential, and health says which', async () => {
    const { server, provider, call } = await setUp('modern', { breaker: { failures: 2 } });
    server.fault = ({ response }) => response.writeHead(401).end();
    for (let i = 0; i < 5; i++) expect(await errorOf(call('write'))).toMatchObject({ code: 'SW_UPSTREAM_REFUSED' });
    const health = provider.health();
    expect(health).toMatchObject({ status: 'degraded', details: { circuit: 'closed', families: ['modern'] } });
    expect(health.message).toContain('header authorization');
    expect(JSON.stringify(health)).not.toContain('secret-token');
    expect(textOf(await call('echo'))).toBe('echo');
    expect(provider.health().status).toBe('healthy');
  });

  it('says nothing about its family while it refuses us', async () => {
    const server = await startFaultyServer('modern');
    closing.push(() => server.down());
    server.gate = (_request, response) => Boolean(response.writeHead(401).end());
    const provider = createUpstream('faulty', { url: server.url, ...patience }, { logger: silentLogger });
    await provider.start();
    expect(provider.health().details?.['families']).toEqual([]);
    expect(provider.health().message).toContain('none is configured');
    server.gate = undefined;
    await provider.refresh();
    expect(provider.health().details).toMatchObject({ families: ['modern'] });
    await expectNoSockets(provider, server);
  });
});

describe('a server that is not what it was', () => {
  it('gets new sessions for those that it forgot, in the middle of calls', async () => {
    const { server, provider, call, metrics } = await setUp('legacy');
    await call('echo');
    const before = server.sessionsMade();
    server.forgetSessions();
    const answers = await Promise.all(Array.from({ length: 10 }, () => call('echo')));
    expect(answers.map(textOf)).toEqual(Array(10).fill('echo'));
    expect(server.sessionsMade()).toBe(before + 1);
    expect(provider.health().details).toMatchObject({ sessions: 2 });
    expect(await metrics.text()).toMatch(/sessions_healed_total\{provider="faulty"\} [1-9]/);
    await expectNoSockets(provider, server);
  });

  it.each([
    ['its header annotations', { code: -32020, message: 'the header does not fit' }],
    ['its revision', { code: -32022, message: 'no', data: { supported: ['2026-07-28'], requested: '2026-07-28' } }],
  ])('gets a call again that it refused over %s', async (_what, error) => {
    const { server, call } = await setUp('modern');
    server.fault = ({ response, id }) => {
      server.fault = ({ response: next, id: nextId }) => void json(next, resultOf(nextId, 'understood'));
      json(response, { jsonrpc: '2.0', id, error }, 400);
    };
    expect(textOf(await call('write'))).toBe('understood');
    server.fault = ({ response, id }) => void json(response, { jsonrpc: '2.0', id, error }, 400);
    await expect(call('write')).rejects.toMatchObject({ error });
    expect(server.calls).toEqual(['write', 'write', 'write', 'write']);
  });

  it.each([
    ['modern', 'legacy'],
    ['legacy', 'modern'],
  ] as const)('is asked anew when it was %s and is %s', async (before, after) => {
    const { server, provider, call } = await setUp(before);
    await call('echo');
    server.family = after;
    server.forgetSessions();
    expect(textOf(await call('echo'))).toBe('echo');
    expect(provider.health().details?.['familyJudgedAt']).toMatch(/^\d{4}-/);
    await expectNoSockets(provider, server);
  });
});
