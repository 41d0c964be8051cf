import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { latestModern, meta } from '#protocol/model/index.js';
import { eventually } from '../support/eventually.js';
import { LegacyTestSession } from '../support/mcp-http.js';
import type { WireRequest } from '../support/mcp-wire.js';
import { workbenchOverStdio } from '../support/upstream-servers.js';
import { FaultGateway, outcomeOf } from './gateway.js';

let gateway: FaultGateway;
beforeAll(async () => {
  gateway = await FaultGateway.start({
    mcpServers: { bench: workbenchOverStdio('legacy') },
    server: { requestTimeoutMs: 1_000, writeTimeoutMs: 1_000 },
    sessions: { keepAliveMs: 200 },
    limits: { callTimeoutMs: 60_000 },
  });
  await eventually(async () => (await echo('up')) === 'up', 30_000);
});
afterAll(async () => {
  expect(await gateway.stop()).toBe(0);
});

const patienceMs = 15_000;
const echo = async (text: string) => (await gateway.call('bench', 'echo', { text })).text;
const cancelled = async () => Number((await gateway.call('bench', 'cancelled')).text);
const session = () =>
  LegacyTestSession.open(
    gateway.client,
    { owner: gateway.process.apiKey ?? '', reader: '', nobody: '' },
    { provider: 'bench' },
  );
const nothingIsOpen = async () =>
  (await gateway.metric('seaworthy_open_streams')) === 0 &&
  (await gateway.metric('seaworthy_active_calls')) === 0 &&
  (await gateway.metric('seaworthy_result_bytes')) === 0;

/** The request as bytes, on a socket of its own. */
async function dial(wire?: WireRequest, bytes = Infinity): Promise<Socket> {
  const { hostname, port, host } = new URL(gateway.process.url);
  const socket = connect(Number(port), hostname);
  // Being cut off is what some of these are for.
  socket.on('error', () => socket.destroy());
  await new Promise((resolve) => socket.once('connect', resolve));
  if (!wire) return socket;
  const body = wire.body === undefined ? '' : JSON.stringify(wire.body);
  const headers = { host, ...wire.headers, 'content-length': Buffer.byteLength(body) };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${String(value)}\r\n`);
  const text = `${wire.method ?? 'POST'} ${wire.path ?? ''} HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
  socket.write(text.slice(0, bytes));
  return socket;
}
const closed = (socket: Socket) => eventually(() => socket.destroyed || socket.readableEnded, patienceMs);

it('cancels the call of a modern client that goes away', async () => {
  const before = await cancelled();
  const socket = await dial(gateway.wire('bench', 'wait', { ms: 50_000 }));
  await eventually(async () => (await gateway.metric('seaworthy_active_calls')) === 1, patienceMs);
  socket.destroy();
  await eventually(async () => (await cancelled()) === before + 1, patienceMs);
  await eventually(nothingIsOpen, patienceMs);
});

it('finishes the call of a legacy client that goes away, and keeps the answer for it', async () => {
  const before = await cancelled();
  const client = await session();
  const stream = await client.open('tools/call', { name: 'wait', arguments: { ms: 1_500 } }, 'kept');
  const primed = await stream.until(({ id }) => id !== undefined);
  stream.drop();
  const resumed = await client.stream(primed.id);
  expect((await resumed.message(({ id }) => id === 'kept')).result).toMatchObject({ content: [{ text: 'waited' }] });
  expect(await cancelled()).toBe(before);
  await client.delete();
  await eventually(nothingIsOpen, patienceMs);
});

it('ends what a legacy client has open when it ends its session', async () => {
  const before = await cancelled();
  const client = await session();
  const stream = await client.stream();
  const call = await client.open('tools/call', { name: 'wait', arguments: { ms: 50_000 } });
  await eventually(async () => (await gateway.metric('seaworthy_open_streams')) === 2, patienceMs);
  expect((await client.delete()).status).toBe(200);
  await Promise.all([stream.ended(), call.ended()]);
  expect(await cancelled()).toBe(before + 1);
  await eventually(nothingIsOpen, patienceMs);
});

it('closes a listen stream whose client has gone', async () => {
  const envelope = { [meta.protocolVersion]: latestModern, [meta.clientCapabilities]: {} };
  const stream = await gateway.client.open({
    path: '/mcp/bench',
    headers: {
      ...gateway.headers,
      'mcp-protocol-version': latestModern,
      'mcp-method': 'subscriptions/listen',
    },
    body: {
      jsonrpc: '2.0',
      id: 'l',
      method: 'subscriptions/listen',
      params: { notifications: { toolsListChanged: true }, _meta: envelope },
    },
  });
  await stream.message(({ method }) => method === 'notifications/subscriptions/acknowledged');
  expect(await gateway.metric('seaworthy_open_streams')).toBe(1);
  stream.drop();
  await eventually(nothingIsOpen, patienceMs);
});

it('cuts off a client that does not read its answer, and gives the memory back', async () => {
  const before = await gateway.metric('seaworthy_slow_clients_total');
  const socket = await dial(gateway.wire('bench', 'big', { bytes: 12_000_000 }));
  socket.pause();
  await eventually(async () => (await gateway.metric('seaworthy_result_bytes')) > 0, patienceMs);
  await eventually(async () => (await gateway.metric('seaworthy_slow_clients_total')) === before + 1, patienceMs);
  await eventually(nothingIsOpen, patienceMs);
  socket.destroy();
});

it('gives a large answer whole to a client that reads in pauses', async () => {
  const socket = await dial(gateway.wire('bench', 'big', { bytes: 12_000_000 }));
  let read = 0;
  socket.on('data', (chunk) => {
    read += chunk.length;
    socket.pause();
    setTimeout(() => socket.resume(), 2);
  });
  await eventually(() => read > 12_000_000, 60_000);
  socket.destroy();
  await eventually(nothingIsOpen, patienceMs);
});

it('answers while a thousand connections say nothing, and closes them', { timeout: 60_000 }, async () => {
  const sockets = await Promise.all(Array.from({ length: 1_000 }, () => dial()));
  for (const socket of sockets) socket.resume();
  expect(await echo('still here')).toBe('still here');
  await Promise.all(sockets.map(closed));
});

it('gives up on a body that does not go on', async () => {
  const wire = gateway.wire('bench', 'echo', { text: 'x'.repeat(1_000) });
  const socket = await dial(wire, 900);
  socket.resume();
  await closed(socket);
  await eventually(nothingIsOpen, patienceMs);
});

it('serves the next request on a connection after an error', async () => {
  const socket = await dial();
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString('utf8')));
  const send = async (wire: WireRequest, until: string) => {
    const body = JSON.stringify(wire.body);
    const headers = { host: new URL(gateway.process.url).host, ...wire.headers, 'content-length': body.length };
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${String(value)}\r\n`);
    socket.write(`POST ${wire.path ?? ''} HTTP/1.1\r\n${lines.join('')}\r\n${body}`);
    await eventually(() => text.includes(until), patienceMs);
  };
  await send(gateway.wire('bench', 'no-such-tool'), 'SW_TOOL_UNKNOWN');
  await send(gateway.wire('bench', 'echo', { text: 'on the same one' }), 'on the same one');
  socket.destroy();
  expect(outcomeOf(await gateway.client.send(gateway.wire('bench', 'echo', { text: 'a' }))).text).toBe('a');
});
