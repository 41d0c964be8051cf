import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { CallScope } from '#kernel/context/index.js';
import { fakeClock } from '#kernel/time/index.js';
import type { JsonObject, ModelNotification } from '../model/index.js';
import { DuplexPeer, type QuestionOutcome } from './duplex-peer.js';
import { questionHoldMs } from './held-questions.js';
import { faultsOf, type OutboundCall } from './peer.js';

const principal = { id: 'local:1', kind: 'local', name: 'test', roles: [] } as const;

function setUp() {
  const sent: JsonObject[] = [];
  const unattributed: ModelNotification[] = [];
  const garbage: unknown[] = [];
  const outcomes: QuestionOutcome[] = [];
  const clock = fakeClock();
  const peer = new DuplexPeer({
    wire: { send: (text) => sent.push(JSON.parse(text) as JsonObject) },
    faults: faultsOf('up'),
    clock,
    onQuestion: (outcome) => outcomes.push(outcome),
    unattributed: (notification) => unattributed.push(notification),
    maxResultBytes: 100,
    onGarbage: (reason) => garbage.push(reason),
  });
  const receive = (message: object) => peer.receive(Buffer.from(JSON.stringify(message)));
  return { peer, sent, unattributed, garbage, receive, outcomes, clock };
}

function callOf(session?: string, meta: JsonObject = {}, asked?: string[]) {
  const seen: ModelNotification[] = [];
  const call: OutboundCall = {
    request: { method: 'tools/call', params: { name: 't', _meta: meta } },
    scope: new CallScope('c', principal, performance.now()),
    channel: {
      notify: (notification) => seen.push(notification),
      ...(asked ? { ask: (method: string) => (asked.push(method), Promise.resolve({ roots: [] })) } : {}),
    },
    session: session === undefined ? undefined : { key: session },
  };
  return { call, seen };
}
const message = { jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: 1 } };
const question = { jsonrpc: '2.0', id: 'q', method: 'roots/list', params: {} };

describe('a shared connection', () => {
  it('gives callers that chose the same token their own progress', () => {
    const { peer, sent, receive } = setUp();
    const [a, b] = [callOf('a', { progressToken: 1 }), callOf('b', { progressToken: 1 })];
    void peer.request(a.call);
    void peer.request(b.call);
    const tokens = sent.map(({ params }) => ((params as JsonObject)['_meta'] as JsonObject)['progressToken']);
    expect(new Set(tokens).size).toBe(2);
    receive({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: tokens[1], progress: 5 } });
    expect(a.seen).toEqual([]);
    expect(b.seen).toEqual([{ method: 'notifications/progress', params: { progressToken: 1, progress: 5 } }]);
  });

  it('gives a log message to the only call, and to nobody when there are two', () => {
    const { peer, unattributed, receive } = setUp();
    const [a, b] = [callOf('a'), callOf('b')];
    void peer.request(a.call);
    receive(message);
    void peer.request(b.call);
    receive(message);
    expect([a.seen.length, b.seen.length, unattributed.length]).toEqual([1, 0, 0]);
  });

  it('gives a log message to calls of one session, and outside of calls to whoever listens', () => {
    const { peer, unattributed, receive } = setUp();
    receive(message);
    const [a, b] = [callOf('a'), callOf('a')];
    void peer.request(a.call);
    void peer.request(b.call);
    receive(message);
    expect([a.seen.length, b.seen.length, unattributed.length]).toEqual([1, 0, 1]);
  });

  it('gives a log message to the one modern call that named a level', () => {
    const { peer, receive } = setUp();
    const [a, b] = [callOf(), callOf(undefined, { 'io.modelcontextprotocol/logLevel': 'debug' })];
    void peer.request(a.call);
    void peer.request(b.call);
    receive(message);
    expect([a.seen.length, b.seen.length]).toEqual([0, 1]);
  });

  it.each([
    ['the only call', ['a'], true],
    ['calls of one session', ['a', 'a'], true],
    ['nobody when no call is in flight', [], false],
  ])('puts a question of the server to %s', async (_whom, sessions, answered) => {
    const { peer, sent, receive } = setUp();
    const asked: string[] = [];
    for (const session of sessions) void peer.request(callOf(session, {}, asked).call);
    receive(question);
    await turn();
    const response = sent.at(-1);
    expect(asked).toEqual(answered ? ['roots/list'] : []);
    expect(response).toMatchObject(
      answered ? { id: 'q', result: { roots: [] } } : { id: 'q', error: { code: -32601 } },
    );
  });

  describe('with a question that several calls may have caused', () => {
    const held = (sessions: readonly (string | undefined)[] = ['a', 'b']) => {
      const parts = setUp();
      const asked: string[][] = sessions.map(() => []);
      const calls = sessions.map((session, i) => callOf(session, {}, asked[i]).call);
      const results = calls.map((call) => parts.peer.request(call).catch((error: unknown) => error));
      parts.receive(question);
      return { ...parts, asked, calls, results };
    };
    const finish = (id: number) => ({ jsonrpc: '2.0', id, result: {} });

    it.each([
      ['two sessions', ['a', 'b']],
      ['two clients without a session', [undefined, undefined]],
    ])('of %s waits, and goes to the one that is left', async (_whose, sessions) => {
      const { asked, outcomes, receive, sent } = held(sessions);
      await turn();
      expect([asked, outcomes]).toEqual([[[], []], ['held']]);
      receive(finish(1));
      await turn();
      expect(asked).toEqual([[], ['roots/list']]);
      expect(sent.at(-1)).toMatchObject({ id: 'q', result: { roots: [] } });
      expect(outcomes).toEqual(['held', 'resolved']);
    });

    it('sends no further call until it is clear, but requests of our own', async () => {
      const { peer, receive, sent } = held();
      const later = peer.request(callOf('c').call);
      const own = callOf();
      void peer.request({ request: { method: 'tools/list', params: {} }, scope: own.call.scope });
      expect(sent.map(({ method }) => method)).toEqual(['tools/call', 'tools/call', 'tools/list']);
      expect(peer.inFlight).toBe(4);
      receive(finish(2));
      expect(sent.filter(({ method }) => method === 'tools/call')).toHaveLength(3);
      receive(finish(3));
      expect((await later).toObject()).toEqual({});
    });

    it('refuses it after a time, and goes on', async () => {
      const { asked, clock, outcomes, peer, sent } = held();
      void peer.request(callOf('c').call);
      clock.advance(questionHoldMs);
      await turn();
      expect(sent).toContainEqual(
        expect.objectContaining({ id: 'q', error: expect.objectContaining({ code: -32603 }) }),
      );
      expect(sent.filter(({ method }) => method === 'tools/call')).toHaveLength(3);
      expect(asked.flat()).toEqual([]);
      expect(outcomes).toEqual(['held', 'refused']);
      expect(clock.pending).toBe(0);
    });

    it('gives it to nobody when one that may have caused it is cancelled', async () => {
      const { asked, calls, results, sent } = held();
      calls[0]?.scope.cancel('client');
      await turn();
      expect(await results[0]).toMatchObject({ code: 'SW_CANCELLED' });
      expect(asked.flat()).toEqual([]);
      expect(sent).toContainEqual(
        expect.objectContaining({ id: 'q', error: expect.objectContaining({ code: -32603 }) }),
      );
    });

    it('forgets it when the server takes it back, and sends what has waited', () => {
      const { clock, peer, receive, sent } = held();
      void peer.request(callOf('c').call);
      receive({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'q' } });
      expect(sent.filter(({ method }) => method === 'tools/call')).toHaveLength(3);
      expect(sent.filter(({ id }) => id === 'q')).toEqual([]);
      expect(clock.pending).toBe(0);
    });

    it('rejects a waiting call that is cancelled, without a word to the server', async () => {
      const { peer, sent } = held();
      const { call } = callOf('c');
      const outcome = peer.request(call);
      call.scope.cancel('client');
      await expect(outcome).rejects.toMatchObject({ code: 'SW_CANCELLED' });
      expect(sent.filter(({ method }) => method === 'notifications/cancelled')).toEqual([]);
    });

    it('rejects everything when the connection is lost', async () => {
      const { clock, peer } = held();
      const waiting = peer.request(callOf('c').call);
      peer.close(faultsOf('up').lost('gone'));
      await expect(waiting).rejects.toMatchObject({ code: 'SW_UPSTREAM_LOST' });
      expect(clock.pending).toBe(0);
    });
  });

  it('answers ping itself', async () => {
    const { sent, receive } = setUp();
    receive({ jsonrpc: '2.0', id: 9, method: 'ping' });
    await turn();
    expect(sent).toEqual([{ jsonrpc: '2.0', id: 9, result: {} }]);
  });

  it('refuses a result over the limit and leaves other calls alone', async () => {
    const { peer, receive } = setUp();
    const [large, small] = [peer.request(callOf().call), peer.request(callOf().call)];
    receive({ jsonrpc: '2.0', id: 1, result: { text: 'x'.repeat(200) } });
    receive({ jsonrpc: '2.0', id: 2, result: { text: 'x' } });
    await expect(large).rejects.toMatchObject({ code: 'SW_RESULT_TOO_LARGE' });
    expect((await small).toObject()).toEqual({ text: 'x' });
  });

  it('tells the server of a cancelled call and drops its late answer', async () => {
    const { peer, sent, receive } = setUp();
    const { call } = callOf();
    const outcome = peer.request(call);
    call.scope.cancel('disconnect');
    await expect(outcome).rejects.toMatchObject({ code: 'SW_CANCELLED' });
    expect(sent.at(-1)).toMatchObject({ method: 'notifications/cancelled', params: { requestId: 1 } });
    receive({ jsonrpc: '2.0', id: 1, result: {} });
  });

  it('rejects what is in flight when it is lost, and what comes later as unavailable', async () => {
    const { peer } = setUp();
    const outcome = peer.request(callOf().call);
    peer.close(faultsOf('up').lost('gone'));
    await expect(outcome).rejects.toMatchObject({ code: 'SW_UPSTREAM_LOST' });
    await expect(peer.request(callOf().call)).rejects.toMatchObject({ code: 'SW_UPSTREAM_UNAVAILABLE' });
  });

  it('survives what is no message', () => {
    const { peer, garbage, receive } = setUp();
    for (const text of ['Starting…', '{', '{"jsonrpc":"2.0"}', '[1]', '{"id":1,"result":3}'])
      peer.receive(Buffer.from(text));
    peer.receive(Buffer.from([0x7b, 0xff, 0x7d]));
    receive({ jsonrpc: '2.0', id: 99, result: {} });
    expect(garbage).toHaveLength(6);
  });

  it.each([
    ['with a result and an error', '{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":"m"}}'],
    ['without either', '{"jsonrpc":"2.0","id":1}'],
    ['cut off', '{"jsonrpc":"2.0","id":1,"result":{"content":['],
    ['with a member twice', '{"jsonrpc":"2.0","id":1,"result":{"a":1,"a":2}}'],
    ['with a text for a result', '{"result":"text","jsonrpc":"2.0","id":1}'],
    ['nested too deeply', `{"jsonrpc":"2.0","id":1,"result":${'{"a":'.repeat(600)}1${'}'.repeat(600)}}`],
  ])('ends the call whose answer comes %s, and no other', async (_how, text) => {
    const { peer, receive, garbage } = setUp();
    const [broken, other] = [peer.request(callOf().call), peer.request(callOf().call)];
    peer.receive(Buffer.from(text));
    await expect(broken).rejects.toMatchObject({ code: 'SW_UPSTREAM_PROTOCOL' });
    receive({ jsonrpc: '2.0', id: 2, result: {} });
    expect((await other).toObject()).toEqual({});
    expect(garbage).toEqual([]);
  });

  it('takes null for a member that is not there', async () => {
    const { peer } = setUp();
    const [good, bad] = [peer.request(callOf().call), peer.request(callOf().call)];
    peer.receive(Buffer.from('{"jsonrpc":"2.0","id":1,"result":{"a":1},"error":null}'));
    peer.receive(Buffer.from('{"jsonrpc":"2.0","id":2,"result":null,"error":{"code":-5,"message":"m"}}'));
    expect((await good).toObject()).toEqual({ a: 1 });
    await expect(bad).rejects.toMatchObject({ error: { code: -5 } });
  });

  it('keeps its only call when a line of a log cannot be read', async () => {
    const { peer, receive, garbage } = setUp();
    const call = peer.request(callOf().call);
    for (const text of ['{"level":"info","id":1}', 'ready {"id":1}', '{"jsonrpc":"2.0","id":1,"method":3}'])
      peer.receive(Buffer.from(text));
    peer.receiveLongLine({ head: 'xxxx', tail: 'xxxx' });
    expect(garbage).toHaveLength(4);
    receive({ jsonrpc: '2.0', id: 1, result: { a: 1 } });
    expect((await call).toObject()).toEqual({ a: 1 });
  });
});
