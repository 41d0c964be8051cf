import { setTimeout as pause } from 'node:timers/promises';
import type { Bench } from '../harness/bench.js';
import { valueRow, type Figure } from '../harness/figure.js';
import { inspectable, settledBytes } from '../harness/inspector.js';
import { openSession, type Endpoint } from '../harness/mcp.js';
import { residentBytes } from '../harness/proc.js';
import { Seaworthy } from '../harness/seaworthy.js';
import { openStreams } from '../harness/streams.js';
import { startSubject } from './runtime.js';

const sessions = 5000;
const streams = 1000;

/** Opens this many legacy sessions, sixteen at a time. */
async function openSessions(endpoint: Endpoint, count: number): Promise<string[]> {
  const ids: string[] = [];
  const worker = async (): Promise<void> => {
    while (ids.length < count) ids.push(await openSession(endpoint));
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  return ids.slice(0, count);
}

async function startInspectable(bench: Bench): Promise<Seaworthy> {
  const { server: core } = bench.options.cores;
  const config = { modules: { example: {} } };
  return await bench.adopt(new Seaworthy({ core, config, nodeArgs: inspectable })).start();
}

const idle: Figure = {
  name: 'memory.idle',
  async measure(bench) {
    const ours = await startSubject(bench, { modules: { example: {} } });
    await pause(5000);
    const value = residentBytes(ours.pid) / 1e6;
    return [valueRow({ name: 'memory.idle', value, unit: 'MB', target: { bound: 'max', limit: 90 } })];
  },
};

const session: Figure = {
  name: 'memory.session',
  async measure(bench) {
    const ours = await startInspectable(bench);
    const endpoint = ours.endpoint('example');
    // As many before as during: compiled code and grown pools are not the sessions' cost.
    await openSessions(endpoint, sessions);
    const before = await settledBytes(ours.process);
    await openSessions(endpoint, sessions);
    const value = Math.max(0, (await settledBytes(ours.process)) - before) / sessions / 1024;
    return [valueRow({ name: 'memory.session', value, unit: 'KiB each', target: { bound: 'max', limit: 2 } })];
  },
};

const stream: Figure = {
  name: 'memory.stream',
  async measure(bench) {
    const ours = await startInspectable(bench);
    const endpoint = ours.endpoint('example');
    const ids = await openSessions(endpoint, streams);
    const warm = await openStreams(endpoint, ids.slice(0, 100));
    warm.close();
    const before = await settledBytes(ours.process);
    const held = await openStreams(endpoint, ids);
    const grown = (await settledBytes(ours.process)) - before;
    await pause(1000);
    const open = held.open();
    held.close();
    return [
      valueRow({
        name: 'memory.stream',
        value: Math.max(0, grown) / streams / 1024,
        unit: 'KiB each',
        target: { bound: 'max', limit: 24 },
      }),
      valueRow({ name: 'memory.stream.held', value: open, unit: 'streams', target: { bound: 'min', limit: streams } }),
    ];
  },
};

export const memoryFigures: readonly Figure[] = [idle, session, stream];
