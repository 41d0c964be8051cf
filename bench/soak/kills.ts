import { setTimeout as pause } from 'node:timers/promises';
import { check, progress } from './checks.js';
import { Children } from './children.js';
import { summary, Traffic, type Ended, type Stream } from './traffic.js';

const servers = ['child-0', 'child-1', 'child-2', 'child-3'] as const;
/** As long under the same blows first: the ways of failing have their code and caches too. */
const warmSeconds = 30;
/** Longest that a server stands still before it goes on, milliseconds. */
const maxStopMs = 3_000;
const paceMs = 5;
const recoveryMs = 90_000;

interface Done {
  kills: number;
  stops: number;
}

/** Random SIGKILL and SIGSTOP of stdio servers under load, for so many minutes. */
export async function kills(minutes: number): Promise<void> {
  const children = await Children.start(servers);
  const streams = ['example', ...servers].map((name): Stream => ({ name, plan: children.plan(name), workers: 2 }));
  try {
    const up = await children.come(servers.length);
    check('warm.children', up, `${String(children.pids.length)} of ${String(servers.length)}`);
    const warm = new Traffic(streams, paceMs);
    await torment(children, warmSeconds * 1000);
    check('warm.answers', true, summary(await warm.stop()));
    for (const name of servers) await recovered(children, name);
    const before = await children.level();
    const traffic = new Traffic(streams, paceMs);
    const done = await torment(children, minutes * 60_000);
    judge(await traffic.stop(), done);
    for (const name of servers) await recovered(children, name);
    await children.compare(before);
  } finally {
    await children.stop();
  }
}

/** One server at a time, at moments that nobody planned. */
async function torment(children: Children, forMs: number): Promise<Done> {
  const done: Done = { kills: 0, stops: 0 };
  const until = performance.now() + forMs;
  while (performance.now() < until) {
    await pause(200 + Math.random() * 1_800);
    const { pids } = children;
    const pid = pids[Math.floor(Math.random() * pids.length)];
    if (pid === undefined) continue;
    if (Math.random() < 0.7) done.kills += signal(pid, 'SIGKILL');
    else {
      done.stops += signal(pid, 'SIGSTOP');
      await pause(Math.random() * maxStopMs);
      signal(pid, Math.random() < 0.5 ? 'SIGCONT' : 'SIGKILL');
    }
    progress(
      `${String(done.kills)} kills, ${String(done.stops)} stops, ${((until - performance.now()) / 1000).toFixed(0)} s left`,
    );
  }
  return done;
}

/** 1 when the process was there to get it. */
function signal(pid: number, name: NodeJS.Signals): number {
  try {
    process.kill(pid, name);
    return 1;
  } catch {
    // Ended between the two looks.
    return 0;
  }
}

function judge(ended: readonly Ended[], { kills, stops }: Done): void {
  check('kills.caused', kills > 0, `${String(kills)} kills, ${String(stops)} stops`);
  const bystanders = ended.filter(({ stream }) => stream === 'example');
  check(
    'kills.bystanders',
    bystanders.every(({ outcome }) => outcome === 'result'),
    summary(bystanders),
  );
  const hit = ended.filter(({ stream }) => stream !== 'example');
  const typed = hit.every(({ outcome }) => outcome === 'result' || outcome === 'error');
  check('kills.answers', typed && hit.some(({ outcome }) => outcome === 'result'), summary(hit));
}

async function recovered(children: Children, name: string): Promise<void> {
  const begun = performance.now();
  const traffic = new Traffic([{ name, plan: children.plan(name), workers: 1 }], 100);
  let back = false;
  while (!back && performance.now() - begun < recoveryMs) {
    await pause(100);
    back = traffic.ended.some(({ outcome }) => outcome === 'result');
  }
  await traffic.stop();
  check(`recovery.${name}`, back, back ? `${(performance.now() - begun).toFixed(0)} ms` : 'never');
}
