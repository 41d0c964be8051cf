import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { fail } from '#kernel/errors/index.js';
import { createLogger, silentLogger } from './index.js';

function captured(options: { level?: string; format?: 'json' | 'pretty' } = {}) {
  const lines: string[] = [];
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(...chunk.toString().split('\n').filter(Boolean));
      done();
    },
  });
  const logger = createLogger({ ...options, destination });
  return { logger, lines, last: () => JSON.parse(lines.at(-1) ?? '{}') as Record<string, unknown> };
}

describe('the log', () => {
  it('writes one JSON object per line with an ISO time and the level as a word', () => {
    const { logger, last } = captured();
    logger.info({ port: 53000 }, 'listening');
    expect(last()).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      port: 53000,
      msg: 'listening',
    });
  });

  it('redacts sensitive names in any spelling and at any depth', () => {
    const { logger, lines } = captured();
    const planted = 'sk-planted';
    logger.child({ 'X-API-Key': planted }).warn(
      {
        request: { headers: { Authorization: planted, 'set-cookie': [planted], Cookie: planted } },
        list: [{ token: planted, client_secret: planted }],
        error: fail('SW_STORAGE_UNAVAILABLE', { reason: 'x', password: planted }),
      },
      'refused',
    );
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain(planted);
    expect(lines[0]).toContain('[redacted]');
  });

  it('writes errors as code and chain of causes, with stacks at debug only', () => {
    const { logger, last } = captured();
    const cause = Object.assign(new TypeError('socket hang up'), { code: 'ECONNRESET' });
    const error = fail('SW_UPSTREAM_LOST', { provider: 'tickets', reason: 'reset' }, cause);
    logger.error({ err: error }, 'call failed');
    expect(last()['err']).toMatchObject({
      code: 'SW_UPSTREAM_LOST',
      details: { provider: 'tickets' },
      cause: { name: 'TypeError', code: 'ECONNRESET', message: 'socket hang up' },
    });
    expect(JSON.stringify(last())).not.toContain('"stack"');
    logger.level = 'debug';
    logger.error(error, 'call failed');
    expect(last()['err']).toMatchObject({ stack: expect.stringContaining('logger.test') as string });
  });

  it('survives circular fields, big integers and buffers', () => {
    const { logger, last } = captured();
    const loop: Record<string, unknown> = { size: 10n, data: Buffer.alloc(3) };
    loop['self'] = loop;
    logger.info(loop, 'odd');
    expect(last()).toMatchObject({ size: '10', data: '[3 bytes]', msg: 'odd' });
  });

  it('changes its level at run time for every child', () => {
    const { logger, lines } = captured({ level: 'warn' });
    const child = logger.child({ provider: 'a' });
    child.info({}, 'hidden');
    logger.level = 'info';
    child.info({}, 'seen');
    child.level = 'silent';
    logger.error({}, 'hidden');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('seen');
  });

  it('keeps what a client sends on one line in the pretty format', () => {
    const { logger, lines } = captured({ format: 'pretty' });
    logger.warn({ tool: 'echo', name: 'a\u001b[2Jb', count: 2 }, 'odd\nname');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} WARN {2}odd\\u000aname {2}tool=echo name="a\\u001b\[2Jb" count=2$/,
    );
  });

  it('stays silent when told', () => {
    silentLogger.level = 'debug';
    expect(silentLogger.level).toBe('silent');
    expect(silentLogger.child({})).toBe(silentLogger);
  });
});
