import { setTimeout as pause } from 'node:timers/promises';
import { median, type Bench } from '../harness/bench.js';
import { valueRow, type Figure } from '../harness/figure.js';
import { echoCall, listCall, modernPlan, toolPages, type Endpoint } from '../harness/mcp.js';
import { Seaworthy } from '../harness/seaworthy.js';
import { capacityRow, startSubject } from './runtime.js';

const servers = 10;
const toolsEach = 50;

/** CPU of one complete merged list, all pages, answered from snapshots. */
const merged: Figure = {
  name: 'lists.merged',
  async measure(bench) {
    const upstream = await bench.yardstick('upstream-http', ['--tools', String(toolsEach)], true);
    const names = Array.from({ length: servers }, (_, index) => `lean-${String(index)}`);
    const mcpServers = Object.fromEntries(names.map((name) => [name, { url: upstream.url }]));
    const ours = await startSubject(bench, { mcpServers });
    const pages = await toolPages(ours.endpoint());
    const listed = pages.reduce((sum, page) => sum + page, 0);
    if (listed !== servers * toolsEach) bench.faults.push(`${String(listed)} tools listed`);
    const plan = modernPlan(ours.endpoint(), listCall(pages[0] ?? 0));
    const [measured] = await bench.measure([{ name: 'seaworthy', pid: ours.pid, plan }], { connections: 8 });
    if (measured === undefined) return [];
    return [
      valueRow({
        name: 'lists.merged',
        value: (measured.cpuMicros * pages.length) / 1000,
        unit: 'ms CPU',
        target: { bound: 'max', limit: 1 },
        details: { tools: listed, pages: pages.length, p50: measured.p50, perSecond: measured.perSecond },
      }),
    ];
  },
};

const manyServers = 200;
const coldWaitMs = 1000;
const restarts = 5;

/** So many servers at one address each, all in one process. */
function serversAt(url: string, count: number): Record<string, { url: string }> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [`lean-${String(index)}`, { url: `${url}/${String(index)}` }]),
  );
}

const countOf = async (endpoint: Endpoint): Promise<number> =>
  (await toolPages(endpoint)).reduce((sum, page) => sum + page, 0);

/** Waits until so many tools are listed. */
async function untilListed(bench: Bench, endpoint: Endpoint, count: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    if ((await countOf(endpoint)) === count) return;
    await pause(50);
  }
  bench.faults.push(`not ${String(count)} tools after 10 s`);
}

/** Milliseconds of a complete list, the first one after the program says that it listens. */
async function firstList(bench: Bench, ours: Seaworthy, count: number): Promise<number> {
  await ours.start();
  const begun = performance.now();
  const listed = await countOf(ours.endpoint());
  const took = performance.now() - begun;
  if (listed !== count) bench.faults.push(`${String(listed)} of ${String(count)} tools in the first list`);
  return took;
}

async function restarted(bench: Bench, ours: Seaworthy, count: number): Promise<number[]> {
  const times: number[] = [];
  for (let index = 0; index < restarts; index += 1) {
    await ours.halt();
    times.push(await firstList(bench, ours, count));
  }
  return times;
}

/** One hung server of ten: the list with snapshots kept from before, and without any. */
const hung: Figure = {
  name: 'lists.hung',
  async measure(bench) {
    const upstream = await bench.yardstick('upstream-http', ['--tools', String(toolsEach)], true);
    const config = { mcpServers: serversAt(upstream.url, servers), lists: { coldWaitMs } };
    const ours = await startSubject(bench, config);
    await untilListed(bench, ours.endpoint(), servers * toolsEach);
    await fetch(`${upstream.url}/0`, { method: 'PUT' });
    const warm = await restarted(bench, ours, servers * toolsEach);
    const cold = bench.adopt(new Seaworthy({ core: bench.options.cores.server, config }));
    const first = await firstList(bench, cold, (servers - 1) * toolsEach);
    return [
      valueRow({
        name: 'lists.hung.snapshot',
        value: median(warm),
        unit: 'ms',
        target: { bound: 'max', limit: 50 },
        details: { slowest: Math.max(...warm) },
      }),
      // The wait itself, and a moment for the list.
      valueRow({
        name: 'lists.hung.cold',
        value: first,
        unit: 'ms',
        target: { bound: 'max', limit: coldWaitMs + 100 },
      }),
    ];
  },
};

/** The first complete list of 200 servers from kept snapshots, while all of them are being reached. */
const restart200: Figure = {
  name: 'lists.restart200',
  async measure(bench) {
    const upstream = await bench.yardstick('upstream-http', ['--tools', String(toolsEach)], true);
    const ours = await startSubject(bench, { mcpServers: serversAt(upstream.url, manyServers) });
    await untilListed(bench, ours.endpoint(), manyServers * toolsEach);
    const times = await restarted(bench, ours, manyServers * toolsEach);
    return [
      valueRow({
        name: 'lists.restart200',
        value: median(times),
        unit: 'ms',
        target: { bound: 'max', limit: 100 },
        details: { slowest: Math.max(...times), tools: manyServers * toolsEach },
      }),
    ];
  },
};

/** A call on the merged endpoint with 200 servers of 50 tools behind it, to one with a single such server. */
const calls200: Figure = {
  name: 'lists.calls200',
  async measure(bench) {
    const upstream = await bench.yardstick('upstream-http', ['--tools', String(toolsEach)], true);
    const targets = [];
    for (const count of [manyServers, 1]) {
      const ours = await startSubject(bench, { mcpServers: serversAt(upstream.url, count) });
      await untilListed(bench, ours.endpoint(), count * toolsEach);
      const plan = modernPlan(ours.endpoint(), echoCall('lean-0__echo'));
      targets.push({ name: `${String(count)} servers`, pid: ours.pid, plan });
    }
    const [many, one] = await bench.measure(targets, { connections: 64 });
    if (many === undefined || one === undefined) return [];
    return [capacityRow('lists.calls200', many, { name: 'seaworthy, 1 server', measured: one }, 0.9)];
  },
};

export const listFigures: readonly Figure[] = [merged, hung, restart200, calls200];
