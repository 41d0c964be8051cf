import { describe, expect, it } from 'vitest';
import { faultyServers, onLinux } from './faulty-servers.js';
import { forgetPeak, peakBytes, residentBytes } from './gateway.js';

/** What a flood may add to resident memory: twice the largest result, and what the collector has not seen yet. */
const floodBytes = 128 * 2 ** 20;

describe.runIf(onLinux)('a stdio server that floods', () => {
  const outcomes: Readonly<Record<string, { text: string } | { code: string }>> = {
    'long-result': { code: 'SW_RESULT_TOO_LARGE' },
    'long-garbage': { text: 'ok' },
    'endless-line': { code: 'SW_DEADLINE_EXCEEDED' },
    'stderr-flood': { text: 'ok' },
    'progress-flood': { text: 'ok' },
    'log-flood': { text: 'ok' },
    'ping-flood': { text: 'ok' },
    'request-flood': { code: 'SW_CAPABILITY_MISSING' },
  };
  const { gateway, isBack } = faultyServers(Object.keys(outcomes), { callTimeoutMs: 8_000 });

  it.each(Object.entries(outcomes))('%s', { timeout: 60_000 }, async (fault, expected) => {
    await isBack(fault);
    const { pid } = gateway().process;
    const before = residentBytes(pid);
    forgetPeak(pid);
    const [outcome, bystander] = await Promise.all([
      gateway().call(fault, 'trigger', { text: 'ok' }),
      gateway().call('steady', 'echo', { text: 'steady' }),
    ]);
    expect(bystander.text).toBe('steady');
    expect({ text: outcome.text, code: outcome.code }).toMatchObject(expected);
    expect(peakBytes(pid) - before).toBeLessThan(floodBytes);
    await isBack(fault);
  });
});

describe.runIf(onLinux)('a stdio server that reads no more', () => {
  const { gateway, isBack } = faultyServers(['stop-reading']);

  it(
    'has a bounded number of bytes waiting for it; what is beyond is refused at once',
    { timeout: 60_000 },
    async () => {
      await isBack('stop-reading');
      expect((await gateway().call('stop-reading', 'trigger')).code).toBe('SW_DEADLINE_EXCEEDED');
      const large = { text: 'x'.repeat(3.5 * 2 ** 20) };
      const codes = await Promise.all(
        Array.from({ length: 24 }, async () => (await gateway().call('stop-reading', 'echo', large)).code),
      );
      expect(new Set(codes)).toEqual(new Set(['SW_DEADLINE_EXCEEDED', 'SW_UPSTREAM_UNAVAILABLE']));
      expect((await gateway().call('steady', 'echo', { text: 'steady' })).text).toBe('steady');
    },
  );
});
