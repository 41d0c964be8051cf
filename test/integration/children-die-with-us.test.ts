import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { childrenOf, livingIn, processes } from '../support/processes.js';
import { startSeaworthy, type Seaworthy } from '../support/seaworthy-process.js';
import { plainOverStdio } from '../support/upstream-servers.js';

const running: Seaworthy[] = [];
afterEach(() => Promise.all(running.splice(0).map((program) => program.kill())));

async function serve(mcpServers: Record<string, unknown>): Promise<Seaworthy> {
  const program = await startSeaworthy({ config: { auth: { mode: 'none' }, mcpServers } });
  running.push(program);
  return program;
}

const watchdogOf = (pid: number) => childrenOf(pid).find(({ command }) => command.includes('seaworthy-watchdog'));
/** Groups of the servers that a program has started. */
const groupsOf = (pid: number): number[] =>
  childrenOf(pid)
    .filter(({ command }) => command.includes('plain-server'))
    .map(({ group }) => group);

const stubborn = {
  ignoring: plainOverStdio('--ignore-stop'),
  forking: plainOverStdio('--ignore-stop', '--grandchild'),
};

describe.skipIf(process.platform !== 'linux')('the children of a program', () => {
  it('end with it when it is killed, those that ignore every request to stop and their own children too', async () => {
    const program = await serve(stubborn);
    await eventually(() => groupsOf(program.pid).some((group) => livingIn(group).length > 1), 10_000);
    const groups = groupsOf(program.pid);
    const watchdog = watchdogOf(program.pid)?.pid;
    expect(groups).toHaveLength(2);
    expect(watchdog).toBeDefined();
    await program.kill();
    await eventually(() => groups.every((group) => livingIn(group).length === 0), 10_000);
    await eventually(() => !processes().some(({ pid, state }) => pid === watchdog && state !== 'Z'), 10_000);
  });

  it('are guarded by a new watchdog when somebody ends it', async () => {
    const program = await serve({ ignoring: stubborn.ignoring });
    await eventually(() => groupsOf(program.pid).length === 1, 10_000);
    const [group = 0] = groupsOf(program.pid);
    const first = watchdogOf(program.pid)?.pid ?? 0;
    // One that lived less than a second would not be replaced before the next child.
    await eventually(() => Date.now() - startOf(first) > 1_500, 10_000);
    process.kill(first, 'SIGKILL');
    await eventually(() => ![undefined, first].includes(watchdogOf(program.pid)?.pid), 10_000);
    await program.kill();
    await eventually(() => livingIn(group).length === 0, 10_000);
  });

  it('are gone after an orderly stop, and no zombie was left while it ran', async () => {
    const program = await serve(stubborn);
    await eventually(() => groupsOf(program.pid).length === 2, 10_000);
    const groups = groupsOf(program.pid);
    for (const group of groups) process.kill(group, 'SIGKILL');
    // A zombie has no command line any more: what is left of the program's children must all be what it wanted.
    await eventually(() => groups.every((group) => livingIn(group).length === 0), 10_000);
    await eventually(() => childrenOf(program.pid).every(({ state }) => state !== 'Z'), 10_000);
    const watchdog = watchdogOf(program.pid)?.pid;
    await program.stop();
    expect(processes().filter(({ group, state }) => groups.includes(group) && state !== 'Z')).toEqual([]);
    await eventually(() => !processes().some(({ pid, state }) => pid === watchdog && state !== 'Z'), 10_000);
  });
});

const seen = new Map<number, number>();
/** When this test first looked at a process. */
function startOf(pid: number): number {
  if (!seen.has(pid)) seen.set(pid, Date.now());
  return seen.get(pid) ?? 0;
}
