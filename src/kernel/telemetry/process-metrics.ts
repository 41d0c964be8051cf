import { readdirSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { Counter, Gauge, type Registry } from 'prom-client';
import { metricNames } from './names.js';

/**
 * What an operator asks about the process itself, read when somebody scrapes. prom-client's own default set keeps an
 * event-loop histogram running, which wakes an idle process every 10 ms; utilization since the last scrape does not.
 */
export function registerProcessMetrics(registry: Registry): void {
  registerCpu(registry);
  registerLoop(registry);
  const gauge = (name: string, help: string, read: () => number | undefined): void => {
    const metric = new Gauge({
      name,
      help,
      registers: [registry],
      collect: () => {
        const value = read();
        if (value !== undefined) metric.set(value);
      },
    });
  };
  const startedAt = Date.now() / 1000 - process.uptime();
  gauge(metricNames.startSeconds, 'Start time in seconds since the epoch.', () => startedAt);
  gauge(metricNames.residentBytes, 'Resident memory in bytes.', () => process.memoryUsage.rss());
  gauge(metricNames.heapUsedBytes, 'JavaScript heap in use, bytes.', () => process.memoryUsage().heapUsed);
  gauge(metricNames.heapTotalBytes, 'JavaScript heap reserved, bytes.', () => process.memoryUsage().heapTotal);
  gauge(metricNames.externalBytes, 'Memory of buffers outside the heap, bytes.', () => process.memoryUsage().external);
  if (process.platform === 'linux') gauge(metricNames.openDescriptors, 'Open file descriptors.', openDescriptors);
}

function registerCpu(registry: Registry): void {
  const cpu = new Counter({
    name: metricNames.cpuSeconds,
    help: 'User and system processor time in seconds.',
    registers: [registry],
    collect: () => {
      const { user, system } = process.cpuUsage();
      cpu.reset();
      cpu.inc((user + system) / 1e6);
    },
  });
}

function registerLoop(registry: Registry): void {
  let last = performance.eventLoopUtilization();
  const loop = new Gauge({
    name: metricNames.loopUtilization,
    help: 'Share of time the event loop was busy since the last scrape, 0 to 1.',
    registers: [registry],
    collect: () => {
      const current = performance.eventLoopUtilization();
      loop.set(performance.eventLoopUtilization(current, last).utilization);
      last = current;
    },
  });
}

/** Undefined where /proc is not mounted, as in some sandboxes: the gauge then keeps its last value. */
function openDescriptors(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length - 1;
  } catch {
    return undefined;
  }
}
