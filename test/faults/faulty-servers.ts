import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { eventually } from '../support/eventually.js';
import { FaultGateway, faultyStdio, marked, zombiesOf, type Outcome } from './gateway.js';

/** Processes are counted, and their memory read, in /proc. */
export const onLinux = process.platform === 'linux';
/** Longest wait for a server to be back: its start, and the pause before it. */
export const recoveryMs = 30_000;
/** The gateway in front of one server per fault, each of which has its fault once, and of a steady one. */
export function faultyServers(
  faults: readonly string[],
  limits: object = {},
  more: Readonly<Record<string, unknown>> = {},
) {
  const mark = `faults-${process.pid}-${faults.length}-${String(faults[0])}`;
  const once = mkdtempSync(join(tmpdir(), 'seaworthy-faults-'));
  let running: FaultGateway | undefined;
  const gateway = (): FaultGateway => {
    if (!running) throw new RangeError('the gateway did not start');
    return running;
  };
  const mcpServers = {
    ...Object.fromEntries(faults.map((fault) => [fault, faultyStdio(fault, mark, join(once, fault))])),
    ...more,
    steady: faultyStdio('none', mark),
  };
  beforeAll(async () => {
    running = await FaultGateway.start({ mcpServers, limits });
  });
  afterAll(async () => {
    rmSync(once, { recursive: true, force: true });
    if (!running) return;
    const zombies = zombiesOf(running.process.pid);
    const code = await running.stop();
    expect({ code, zombies }).toEqual({ code: 0, zombies: [] });
    await eventually(() => marked(mark).length === 0, 5_000);
  });
  return {
    gateway,
    isBack: (fault: string) =>
      eventually(async () => (await gateway().call(fault, 'echo', { text: 'back' })).text === 'back', recoveryMs),
  };
}

/** One of our errors in full: a code of ours, what to do next, and nothing of our insides. */
export function expectTyped({ message, code, reply }: Outcome): void {
  expect(code).toMatch(/^SW_/);
  expect(message.error?.code).toBeLessThan(-31_000);
  expect(message.error?.data?.['hint']).toMatch(/\w+/);
  expect(reply.text).not.toMatch(/\bat \S+ \(|node:internal|\.ts:\d|\.js:\d/);
}
