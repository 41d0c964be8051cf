import { describe, expect, it, vi } from 'vitest';
import { CallScope, type Principal } from '#kernel/context/index.js';
import type { ListenFilter, ModelNotification } from '../model/index.js';
import type { Handler, Listener } from './handler.js';
import { LiveSession } from './live-session.js';

const principal: Principal = { id: 'key:1', kind: 'key', name: 'one', roles: [] };
const facts = {
  key: 'k',
  principalId: principal.id,
  provider: undefined,
  revision: '2025-11-25',
  info: undefined,
  capabilities: { roots: {} },
  startedAt: 0,
} as const;

/** A handler that accepts every interest, or fails to; `open` are the listeners that nobody has closed. */
function acceptingHandler() {
  const open = new Set<Listener>();
  const state = { fails: false, heard: true };
  const unused = () => Promise.reject(new RangeError('not for calls'));
  const handler: Handler = {
    enter: () => {},
    admit: () => {},
    authenticate: () => principal,
    serves: () => true,
    speaks: () => true,
    handle: unused,
    ended: unused,
    listen(listener) {
      open.add(listener);
      const acknowledged = state.fails
        ? Promise.reject<ListenFilter>(new RangeError('away'))
        : Promise.resolve(listener.filter);
      return { acknowledged, close: () => open.delete(listener) };
    },
  };
  return { handler, open, state };
}

function newSession() {
  const { handler, open, state } = acceptingHandler();
  const sent: string[] = [];
  const session = new LiveSession(
    facts,
    principal,
    handler,
    (pieces) => sent.push(pieces.join('')),
    () => state.heard,
  );
  return { session, open, state, sent };
}

const updated = (uri: string): ModelNotification => ({ method: 'notifications/resources/updated', params: { uri } });

describe('a question outside of any call', () => {
  it('goes out on the stream of no call, and its answer comes back', async () => {
    const { session, sent } = newSession();
    const asked = session.askAside('roots/list', {});
    const { id, method } = JSON.parse(sent[0] ?? '') as { id: number; method: string };
    expect(method).toBe('roots/list');
    session.answer({ jsonrpc: '2.0', id, result: { roots: [] } });
    expect(await asked).toEqual({ roots: [] });
    expect(session.waiting).toBe(false);
  });

  it('is refused where nobody reads that stream, and when the session ends', async () => {
    const { session, sent, state } = newSession();
    state.heard = false;
    await expect(session.askAside('roots/list', {})).rejects.toMatchObject({ error: { code: -32601 } });
    expect(sent).toEqual([]);
    state.heard = true;
    const asked = session.askAside('roots/list', {});
    session.close();
    await expect(asked).rejects.toMatchObject({ code: 'SW_SESSION_UNKNOWN' });
  });

  it('does not wait for ever', async () => {
    vi.useFakeTimers();
    try {
      const { session } = newSession();
      const asked = session.askAside('roots/list', {});
      const refused = expect(asked).rejects.toMatchObject({ code: 'SW_CANCELLED' });
      await vi.advanceTimersByTimeAsync(120_000);
      await refused;
      expect(session.waiting).toBe(false);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('the live part of a session', () => {
  it('watches a bounded number of resources', async () => {
    const { session } = newSession();
    for (let i = 0; i < 1000; i++) await session.watch(`test://${i}`);
    await expect(session.watch('test://over')).rejects.toMatchObject({ code: 'SW_PARAMS_INVALID' });
    await session.watch('test://5');
    await session.unwatch('test://5');
    await session.watch('test://over');
  });

  it('asks a bounded number of questions at once', async () => {
    const { session, sent } = newSession();
    const scope = new CallScope('c', principal, 0);
    const send = (pieces: readonly (string | Buffer)[]) => sent.push(pieces.join(''));
    const asked = Array.from({ length: 100 }, () => session.ask(scope, 'roots/list', {}, send));
    await expect(session.ask(scope, 'roots/list', {}, send)).rejects.toMatchObject({ code: 'SW_OVERLOADED' });
    session.answer({ jsonrpc: '2.0', id: 1, result: { roots: [] } });
    const next = session.ask(scope, 'roots/list', {}, send);
    expect(sent).toHaveLength(101);
    session.close();
    const outcomes = await Promise.allSettled([...asked, next]);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('has one set of interests open at a time, also when many change at once', async () => {
    const { session, open } = newSession();
    await Promise.all([
      session.listen(),
      session.watch('test://a'),
      session.watch('test://b'),
      session.setLogLevel('error'),
    ]);
    await session.unwatch('test://never');
    expect(open.size).toBe(1);
    expect([...open][0]?.filter).toMatchObject({ resourceSubscriptions: ['test://a', 'test://b'], logLevel: 'error' });
  });

  it('does not tell everything twice after interests could not be changed', async () => {
    const { session, open, state } = newSession();
    await session.listen();
    state.fails = true;
    await expect(session.watch('test://a')).rejects.toThrow('away');
    await expect(session.setLogLevel('debug')).rejects.toThrow('away');
    expect(open.size).toBe(1);
  });

  it('leaves nothing open, whenever it is closed', async () => {
    const { session, open } = newSession();
    const watching = session.watch('test://a');
    session.close();
    await watching;
    expect(open.size).toBe(0);
  });

  it('drops an update of a resource that is no longer watched', async () => {
    const { session, open, sent } = newSession();
    await session.watch('test://a');
    const [listener] = open;
    await session.unwatch('test://a');
    listener?.notify(updated('test://a'));
    expect(sent).toEqual([]);
  });

  it('does not ask what the client did not declare', async () => {
    const { session, sent } = newSession();
    const send = (pieces: readonly (string | Buffer)[]) => sent.push(pieces.join(''));
    const asking = session.ask(new CallScope('r', principal, 0), 'sampling/createMessage', {}, send);
    await expect(asking).rejects.toMatchObject({
      error: { code: -32601 },
      message: expect.stringContaining('sampling'),
    });
    expect(sent).toEqual([]);
  });

  it('forgets the questions of a call that ended, and fails those of a session that ends', async () => {
    const { session } = newSession();
    const scopes = [1, 2, 3].map((n) => new CallScope(`r${n}`, principal, 0));
    const [first, second, third] = scopes as [CallScope, CallScope, CallScope];
    void session.ask(first, 'roots/list', {}, () => {});
    session.release(first);
    expect(session.waiting).toBe(false);
    const cancelled = session.ask(second, 'roots/list', {}, () => {});
    second.cancel('deadline');
    await expect(cancelled).rejects.toMatchObject({ code: 'SW_CANCELLED' });
    const closed = session.ask(third, 'roots/list', {}, () => {});
    session.close();
    await expect(closed).rejects.toMatchObject({ code: 'SW_SESSION_UNKNOWN' });
    expect(session.waiting).toBe(false);
  });
});
