import { setTimeout as pause } from 'node:timers/promises';
import { modernPlan } from '../harness/mcp.js';
import { check } from './checks.js';
import { Subject, type Holdings } from './subject.js';
import { summary, Traffic, type Ended, type Stream } from './traffic.js';
import { visit } from './visitors.js';

const providers = ['example', 'child', 'remote'] as const;
const visitors = 1000;
const warmSeconds = 5;
const recoveryMs = 30_000;
const drainMs = 30_000;
/** Sockets of the last health checks and upstream pools come and go; leaks of a thousand visitors are far above. */
const descriptorSlack = 20;
const residentSlackBytes = 24 * 1024 * 1024;

function streamsOf(subject: Subject, workers: number): Stream[] {
  return providers.map((name) => ({ name, plan: subject.plan(name), workers }));
}

const of = (ended: readonly Ended[], ...names: string[]): Ended[] => ended.filter((one) => names.includes(one.stream));

/** Kills the child every two seconds and takes the HTTP server away every five, at moments that nobody planned. */
async function causeFaults(subject: Subject, forSeconds: number): Promise<{ kills: number; restarts: number }> {
  const until = performance.now() + forSeconds * 1000;
  const kill = async (): Promise<number> => {
    let kills = 0;
    for (; performance.now() < until; kills += 1) {
      await pause(1000 + Math.random() * 2000);
      subject.killChild();
    }
    return kills;
  };
  const restart = async (): Promise<number> => {
    let restarts = 0;
    for (; performance.now() < until; restarts += 1) {
      await pause(3000 + Math.random() * 4000);
      await subject.restartUpstream(Math.random() * 500);
    }
    return restarts;
  };
  const [kills, restarts] = await Promise.all([kill(), restart()]);
  return { kills, restarts };
}

async function faultPhase(subject: Subject, seconds: number): Promise<void> {
  const traffic = new Traffic(streamsOf(subject, 4));
  const [faults, came] = await Promise.all([
    causeFaults(subject, seconds),
    visit(subject.program.endpoint('example'), subject.plan('example'), visitors, seconds),
  ]);
  const ended = await traffic.stop();
  check('faults.caused', true, `${faults.kills} kills, ${faults.restarts} restarts in ${seconds} s`);
  check('faults.visitors', came === visitors, `${came} of ${visitors} came and left`);
  const bystanders = of(ended, 'example');
  check(
    'faults.bystanders',
    bystanders.every((one) => one.outcome === 'result'),
    summary(bystanders),
  );
  const hit = of(ended, 'child', 'remote');
  const typed = hit.every((one) => one.outcome === 'result' || one.outcome === 'error');
  check('faults.answers', typed && hit.some((one) => one.outcome === 'result'), summary(hit));
  for (const provider of providers) {
    const took = await subject.recovery(provider, recoveryMs);
    check(`recovery.${provider}`, took !== undefined, took === undefined ? 'never' : `${took.toFixed(0)} ms`);
  }
}

function compare(before: Holdings, after: Holdings): void {
  const mebibytes = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
  check(
    'after.descriptors',
    after.descriptors <= before.descriptors + descriptorSlack,
    `${before.descriptors} before, ${after.descriptors} after`,
  );
  check(
    'after.resident',
    after.residentBytes <= before.residentBytes + residentSlackBytes,
    `${mebibytes(before.residentBytes)} before, ${mebibytes(after.residentBytes)} after`,
  );
  check('after.children', after.children === before.children, `${before.children} before, ${after.children} after`);
}

/** SIGTERM while calls run, some of them slow: what was sent before it must be answered. */
async function drainPhase(subject: Subject): Promise<void> {
  const slow = modernPlan(subject.program.endpoint('example'), {
    method: 'tools/call',
    params: { name: 'countdown', arguments: { from: 5, intervalMs: 200 } },
    expect: { kind: 'text', length: 0 },
  });
  const traffic = new Traffic([...streamsOf(subject, 4), { name: 'slow', plan: slow, workers: 8 }]);
  await pause(1500);
  const asked = performance.now();
  subject.program.process.signal('SIGTERM');
  const code = await Promise.race([subject.program.process.exited, pause(drainMs, 'late' as const)]);
  const took = performance.now() - asked;
  const before = (await traffic.stop()).filter((one) => one.sentAt < asked);
  check('drain.exit', code === 0, `exit ${String(code)} after ${took.toFixed(0)} ms`);
  const answered = before.every((one) => one.outcome === 'result' || one.outcome === 'error');
  check('drain.answers', answered, summary(before));
  const slowOnes = of(before, 'slow');
  check('drain.slow', slowOnes.length > 0 && slowOnes.every((one) => one.outcome === 'result'), summary(slowOnes));
}

/** Servers that fail and clients that come and leave, for so many seconds. */
export async function visits(seconds: number): Promise<void> {
  const subject = await Subject.start();
  try {
    for (const provider of providers) await subject.recovery(provider, recoveryMs);
    // The level to come back to is that of a server that has already worked.
    const warm = new Traffic(streamsOf(subject, 4));
    await pause(warmSeconds * 1000);
    const warmed = await warm.stop();
    check('warm.answers', warmed.length > 0 && warmed.every((one) => one.outcome === 'result'), summary(warmed));
    await pause(5000);
    const before = await subject.holdings();
    await faultPhase(subject, seconds);
    await pause(10_000);
    compare(before, await subject.holdings());
    await drainPhase(subject);
  } finally {
    await subject.stop();
  }
}
