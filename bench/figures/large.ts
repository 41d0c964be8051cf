import { ratioRow, valueRow, type Figure } from '../harness/figure.js';
import { modernPlan, sizedCall } from '../harness/mcp.js';
import { peakResidentBytes, residentBytes } from '../harness/proc.js';
import { startSubject } from './runtime.js';

const mebibyte = 1024 * 1024;
const concurrency = 16;
/** What 16 results of 1 MiB may cost: each four times over (socket, assembly, output, garbage not yet collected). */
const growthLimit = 4 * concurrency;

/** 1 MiB through the gateway against the same through the byte proxy, and what it does to resident memory. */
const large: Figure = {
  name: 'large.result',
  async measure(bench) {
    const upstream = await bench.yardstick('upstream-http', [], true);
    const proxy = await bench.yardstick('byte-proxy', [upstream.url]);
    const ours = await startSubject(bench, { mcpServers: { lean: { url: upstream.url } } });
    const subject = { name: 'seaworthy', pid: ours.pid, plan: modernPlan(ours.endpoint('lean'), sizedCall(mebibyte)) };
    const least = { name: 'byte proxy', pid: proxy.pid, plan: modernPlan(proxy, sizedCall(mebibyte)) };
    const [one, leastOne] = await bench.measure([subject, least], { connections: 1 });
    const before = [residentBytes(ours.pid), residentBytes(proxy.pid)] as const;
    const [many, leastMany] = await bench.measure([subject, least], { connections: concurrency });
    if (!one || !leastOne || !many || !leastMany) return [];
    const growth = (peakResidentBytes(ours.pid) - before[0]) / mebibyte;
    const leastGrowth = (peakResidentBytes(proxy.pid) - before[1]) / mebibyte;
    return [
      ratioRow({
        name: 'large.result',
        value: one.p50,
        unit: 'ms',
        yardstick: 'undici byte proxy',
        against: leastOne.p50,
        target: { bound: 'max', limit: 1.3 },
        details: { cpuMicros: one.cpuMicros, yardstickCpuMicros: leastOne.cpuMicros },
      }),
      valueRow({
        name: 'large.memory',
        value: growth,
        unit: 'MiB grown',
        yardstick: `undici byte proxy ${leastGrowth.toFixed(0)}`,
        target: { bound: 'max', limit: growthLimit },
        details: { concurrency, perSecond: many.perSecond, yardstickPerSecond: leastMany.perSecond },
      }),
    ];
  },
};

export const largeFigures: readonly Figure[] = [large];
