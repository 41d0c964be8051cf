import type { Bench, Measured, Target } from '../harness/bench.js';
import { ratioRow, valueRow, type Figure, type Row } from '../harness/figure.js';
import { inspectable } from '../harness/inspector.js';
import { echoCall, legacyPlan, modernPlan, openSession } from '../harness/mcp.js';
import { modulePath } from '../harness/paths.js';
import { Seaworthy } from '../harness/seaworthy.js';

const connections = 64;

/** Starts the program with this configuration on the server's CPU. */
export async function startSubject(bench: Bench, config: Readonly<Record<string, unknown>>): Promise<Seaworthy> {
  const { cores, profiling } = bench.options;
  const nodeArgs = profiling === undefined ? [] : inspectable;
  const subject = await bench.adopt(new Seaworthy({ core: cores.server, config, nodeArgs })).start();
  await profiling?.attach(subject.process);
  return subject;
}

/** What helps to judge how much a throughput figure says. */
export function loadDetails(subject: Measured, yardstick: Measured): Row['details'] {
  return {
    cpuMicros: subject.cpuMicros,
    perSecond: subject.perSecond,
    serverBusy: subject.serverBusy,
    generatorBusy: subject.generatorBusy,
    yardstickCpuMicros: yardstick.cpuMicros,
    yardstickPerSecond: yardstick.perSecond,
    yardstickBusy: yardstick.serverBusy,
  };
}

/** Capacity of the subject over that of the yardstick. */
export function capacityRow(
  name: string,
  subject: Measured,
  yardstick: { readonly name: string; readonly measured: Measured },
  min: number,
): Row {
  return ratioRow({
    name,
    value: subject.capacity,
    unit: 'calls/s',
    yardstick: yardstick.name,
    against: yardstick.measured.capacity,
    target: { bound: 'min', limit: min },
    details: loadDetails(subject, yardstick.measured),
  });
}

/** Both ratios of one family: to plain `node:http`, and to the official SDK. */
async function familyRows(bench: Bench, name: string, subject: Target, sdk: Target): Promise<Row[]> {
  const plain = await bench.yardstick('plain-http');
  const plainTarget = { name: 'plain-http', pid: plain.pid, plan: modernPlan(plain, echoCall()) };
  const [ours, theirs, least] = await bench.measure([subject, sdk, plainTarget], { connections });
  if (ours === undefined || theirs === undefined || least === undefined) return [];
  return [
    capacityRow(name, ours, { name: 'plain node:http', measured: least }, 0.5),
    capacityRow(`${name}.sdk`, ours, { name: sdk.name, measured: theirs }, 8),
  ];
}

const modern: Figure = {
  name: 'runtime.modern',
  async measure(bench) {
    const sdk = await bench.yardstick('sdk-modern');
    const ours = await startSubject(bench, { modules: { example: {} } });
    return await familyRows(
      bench,
      'runtime.modern',
      { name: 'seaworthy', pid: ours.pid, plan: modernPlan(ours.endpoint('example'), echoCall()) },
      { name: 'SDK 2 server', pid: sdk.pid, plan: modernPlan(sdk, echoCall()) },
    );
  },
};

const legacy: Figure = {
  name: 'runtime.legacy',
  async measure(bench) {
    const sdk = await bench.yardstick('sdk-session');
    const ours = await startSubject(bench, { modules: { example: {} } });
    const endpoint = ours.endpoint('example');
    return await familyRows(
      bench,
      'runtime.legacy',
      { name: 'seaworthy', pid: ours.pid, plan: legacyPlan(endpoint, await openSession(endpoint), echoCall()) },
      { name: 'SDK 1 session', pid: sdk.pid, plan: legacyPlan(sdk, await openSession(sdk), echoCall()) },
    );
  },
};

const frameworks: Figure = {
  name: 'runtime.frameworks',
  async measure(bench) {
    const names = ['plain-http', 'fastify', 'express'];
    const targets: Target[] = [];
    for (const name of names) {
      const server = await bench.yardstick(name);
      targets.push({ name, pid: server.pid, plan: modernPlan(server, echoCall()) });
    }
    const measured = await bench.measure(targets, { connections });
    return measured.map((one, index) =>
      valueRow({
        name: `runtime.frameworks.${names[index] ?? ''}`,
        value: one.capacity,
        unit: 'calls/s',
        target: undefined,
        details: { cpuMicros: one.cpuMicros, perSecond: one.perSecond },
      }),
    );
  },
};

const tools500: Figure = {
  name: 'runtime.tools500',
  async measure(bench) {
    const targets: Target[] = [];
    for (const module of ['many-tools', 'one-tool']) {
      const ours = await startSubject(bench, { modules: { [module]: { path: modulePath(module) } } });
      targets.push({ name: module, pid: ours.pid, plan: modernPlan(ours.endpoint(module), echoCall()) });
    }
    const [many, one] = await bench.measure(targets, { connections });
    if (many === undefined || one === undefined) return [];
    return [capacityRow('runtime.tools500', many, { name: 'seaworthy, 1 tool', measured: one }, 0.9)];
  },
};

const providers200: Figure = {
  name: 'runtime.providers200',
  async measure(bench) {
    const upstream = await bench.yardstick('upstream-http', [], true);
    const names = Array.from({ length: 199 }, (_, index) => `lean-${String(index)}`);
    const mcpServers = Object.fromEntries(names.map((name) => [name, { url: upstream.url }]));
    const targets: Target[] = [];
    for (const [name, servers] of [
      ['200 providers', mcpServers],
      ['1 provider', {}],
    ] as const) {
      const ours = await startSubject(bench, { modules: { example: {} }, mcpServers: servers });
      targets.push({ name, pid: ours.pid, plan: modernPlan(ours.endpoint(), echoCall('example__echo')) });
    }
    const [many, one] = await bench.measure(targets, { connections });
    if (many === undefined || one === undefined) return [];
    return [capacityRow('runtime.providers200', many, { name: 'seaworthy, 1 provider', measured: one }, 0.9)];
  },
};

export const runtimeFigures: readonly Figure[] = [modern, legacy, frameworks, tools500, providers200];
