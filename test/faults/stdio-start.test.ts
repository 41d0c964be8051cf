import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { faultyStdio, FaultGateway, marked } from './gateway.js';
import { expectTyped, faultyServers, onLinux, recoveryMs } from './faulty-servers.js';

const directory = mkdtempSync(join(tmpdir(), 'seaworthy-faults-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe.runIf(onLinux)('a stdio server that fails before its first call', () => {
  const faults = [
    'exit-at-once',
    'die-at-probe',
    'die-at-initialize',
    'die-after-initialize',
    'die-at-initialized',
    'die-at-second-page',
    'unknown-revision',
    'ask-before-initialized',
    'slow-start',
    'blank-lines',
    'carriage-returns',
    'byte-order-mark',
    'log-text',
    'hang-at-exit',
    'grandchild',
  ];
  const notExecutable = join(directory, 'not-executable');
  writeFileSync(notExecutable, '#!/bin/sh\n', { mode: 0o644 });
  const { gateway, isBack } = faultyServers(
    faults,
    {},
    {
      missing: { command: '/no/such/program' },
      unusable: { command: notExecutable },
      directory: { command: directory },
    },
  );

  it.concurrent.each(faults)('is used as soon as it can be: %s', { timeout: 60_000 }, async (fault) => {
    const [first, bystander] = await Promise.all([
      gateway().call(fault, 'echo', { text: 'first' }),
      gateway().call('steady', 'echo', { text: 'steady' }),
    ]);
    expect(bystander.text).toBe('steady');
    if (first.text === undefined) {
      expectTyped(first);
      expect(first.code).toBe('SW_UPSTREAM_UNAVAILABLE');
    } else expect(first.text).toBe('first');
    await isBack(fault);
    expect((await gateway().call(fault, 'trigger', { text: 'second page' })).text).toBe('second page');
  });

  it.each([
    ['missing', 'ENOENT'],
    ['unusable', 'EACCES'],
    ['directory', 'EACCES'],
  ])('is reported as unavailable when its program is %s', async (provider, reason) => {
    const outcome = await gateway().call(provider, 'echo');
    expectTyped(outcome);
    expect(outcome.code).toBe('SW_UPSTREAM_UNAVAILABLE');
    expect(outcome.message.error?.message).toContain(reason);
  });
});

describe.runIf(onLinux)('a stdio server that leaves a daemon behind', () => {
  const mark = `faults-${process.pid}-left`;

  it('does not keep the gateway from stopping', async () => {
    const gateway = await FaultGateway.start({ mcpServers: { daemon: faultyStdio('daemon', mark) } });
    await eventually(async () => (await gateway.call('daemon', 'echo', { text: 'up' })).text === 'up', recoveryMs);
    expect(marked(mark)).toHaveLength(2);
    expect(await gateway.stop()).toBe(0);
    // It is in a session of its own, out of reach of a signal to the group.
    for (const pid of marked(mark)) process.kill(pid, 'SIGKILL');
  });
});
