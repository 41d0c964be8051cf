import { describe, expect, it } from 'vitest';
import { silentLogger } from '#kernel/telemetry/index.js';
import { fakeClock } from '#kernel/time/index.js';
import { RawResult } from '#protocol/jsonrpc/index.js';
import { upstreamContext } from './config.js';
import { LegacySession } from './legacy-session.js';
import { SessionPool } from './session-pool.js';

const initialized = { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 's', version: '1' } };

function setUp(max: number) {
  const clock = fakeClock();
  const context = upstreamContext('up', { url: 'http://127.0.0.1' }, { logger: silentLogger, clock });
  const pool = new SessionPool(clock, 1_000, max);
  const opened: string[] = [];
  const closed: string[] = [];
  const get = (key: string) =>
    pool.get(key, () => {
      opened.push(key);
      const link = {
        inFlight: 0,
        request: async () =>
          ({ kind: 'result', result: new RawResult(Buffer.from(JSON.stringify(initialized))) }) as const,
        notified: async () => {},
        speak: () => {},
        watch: () => {},
        close: async () => void closed.push(key),
      };
      return LegacySession.open(link, { key, sessionKey: key, info: context.self, capabilities: {} }, context);
    });
  return { clock, pool, get, opened, closed };
}

describe('the pool of upstream sessions', () => {
  it('opens one session per key however many ask at once', async () => {
    const { get, opened } = setUp(10);
    const [a, b] = await Promise.all([get('a'), get('a')]);
    expect(a).toBe(b);
    expect(opened).toEqual(['a']);
  });

  it('ends sessions that are idle, not those that are kept', async () => {
    const { clock, get, closed } = setUp(10);
    await get('idle');
    const kept = await get('kept');
    if (kept) kept.pins++;
    clock.advance(3_000);
    expect(closed).toEqual(['idle']);
  });

  it('makes room by ending the one unused longest, and refuses when all are in use', async () => {
    const { get, closed } = setUp(2);
    const [a, b] = [await get('a'), await get('b')];
    await get('a');
    await get('c');
    expect(closed).toEqual(['b']);
    for (const session of [a, b, await get('c')]) if (session) session.pins++;
    await expect(get('d')).rejects.toMatchObject({ code: 'SW_OVERLOADED' });
  });

  it('opens a session again that the server has ended, and one that could not be opened', async () => {
    const { get, opened, pool } = setUp(2);
    (await get('a'))?.lost();
    await get('a');
    expect(opened).toEqual(['a', 'a']);
    await expect(pool.get('b', () => Promise.reject(new TypeError('no')))).rejects.toThrow();
    expect(await get('b')).toBeDefined();
  });
});
