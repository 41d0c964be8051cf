import { valueRow, type Figure } from '../harness/figure.js';
import { listCall, modernPlan, toolPages } from '../harness/mcp.js';
import { startSubject } from './runtime.js';

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

export const listFigures: readonly Figure[] = [merged];
