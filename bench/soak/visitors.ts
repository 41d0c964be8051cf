import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { openSession, sessionHeaders, type CallPlan, type Endpoint } from '../harness/mcp.js';

/** Ways to leave a server without saying goodbye. */
type Visit = (endpoint: Endpoint, plan: CallPlan) => Promise<void>;

/** Opens a socket, writes this much, waits a little, and is gone. */
async function writeAndLeave(endpoint: Endpoint, text: string, stayMs: number): Promise<void> {
  const { hostname, port } = new URL(endpoint.url);
  const socket = connect(Number(port), hostname);
  // The server may well close first; leaving is the point.
  socket.on('error', () => socket.destroy());
  socket.on('data', () => undefined);
  if (text !== '') socket.write(text);
  await pause(stayMs);
  socket.destroy();
}

function head(method: string, endpoint: Endpoint, headers: Readonly<Record<string, string>>): string {
  const url = new URL(endpoint.url);
  const lines = Object.entries({ host: url.host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${url.pathname} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

const sayNothing: Visit = (endpoint) => writeAndLeave(endpoint, '', 20);

const halfAHead: Visit = (endpoint) => writeAndLeave(endpoint, 'POST /mcp HTTP/1.1\r\nhost: 127.', 20);

const halfABody: Visit = (endpoint, plan) => {
  const headers = { ...plan.headers, 'content-length': String(Buffer.byteLength(plan.body)) };
  return writeAndLeave(endpoint, head('POST', endpoint, headers) + plan.body.slice(0, 200), 20);
};

const callAndLeave: Visit = (endpoint, plan) => {
  const headers = { ...plan.headers, 'content-length': String(Buffer.byteLength(plan.body)) };
  return writeAndLeave(endpoint, head('POST', endpoint, headers) + plan.body, 0);
};

const streamAndLeave: Visit = async (endpoint) => {
  const { 'content-type': _type, ...headers } = sessionHeaders(endpoint, await openSession(endpoint));
  await writeAndLeave(endpoint, head('GET', endpoint, { ...headers, accept: 'text/event-stream' }), 50);
};

const visits: readonly Visit[] = [sayNothing, halfAHead, halfABody, callAndLeave, streamAndLeave, streamAndLeave];

/** Lets `count` clients come and leave in the ways above, spread over `seconds`. Returns how many there were. */
export async function visit(endpoint: Endpoint, plan: CallPlan, count: number, seconds: number): Promise<number> {
  const running: Promise<void>[] = [];
  for (let index = 0; index < count; index += 1) {
    const one = visits[index % visits.length] ?? sayNothing;
    running.push(one(endpoint, plan));
    await pause((seconds * 1000) / count);
  }
  const settled = await Promise.allSettled(running);
  return settled.filter((result) => result.status === 'fulfilled').length;
}
