import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { openListener, sendJson } from './listener.js';

const open = (handle: Parameters<typeof openListener>[1]) =>
  openListener({ host: '127.0.0.1', port: 0, requestTimeoutMs: 30_000 }, handle);

describe('a listener that closes', () => {
  it('does not wait for a connection on which nothing was ever asked', async () => {
    let accepted = () => {};
    const acceptedOne = new Promise<void>((resolve) => (accepted = resolve));
    const listener = await open((_request, response) => sendJson(response, {}, 200, {}));
    listener.server.once('connection', accepted);
    const silent = connect(Number(new URL(listener.url).port), '127.0.0.1');
    const left = once(silent.resume(), 'close');
    await acceptedOne;
    await listener.close();
    await left;
  });

  it('lets a request in flight finish', async () => {
    let answer = () => {};
    const agent = new Agent({ keepAlive: true });
    const listener = await open((_request, response) => {
      answer = () => sendJson(response, {}, 200, { done: true });
    });
    const arrived = once(listener.server, 'request');
    const answered = once(get(listener.url, { agent }), 'response');
    await arrived;
    const closed = listener.close();
    answer();
    const [response] = (await answered) as [NodeJS.ReadableStream];
    expect(await text(response)).toBe('{"done":true}');
    await closed;
    agent.destroy();
  });
});
