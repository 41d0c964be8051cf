import { setTimeout as pause } from 'node:timers/promises';
import { median } from '../harness/bench.js';
import { valueRow, type Figure } from '../harness/figure.js';
import { request, type Endpoint } from '../harness/mcp.js';
import { yardstickPath } from '../harness/paths.js';
import { Seaworthy } from '../harness/seaworthy.js';
import { ServerProcess } from '../harness/server-process.js';

const starts = 5;
/** What the warm list holds at least: the example's echo and that of two upstreams. */
const expectedTools = 3;

async function toolCount(endpoint: Endpoint): Promise<number> {
  return ((await request(endpoint, 'tools/list', {}))['tools'] as readonly unknown[]).length;
}

/** Milliseconds from starting the process to a list as complete as before it was stopped. */
async function firstAnswer(ours: Seaworthy, tools: number): Promise<number> {
  const begun = performance.now();
  await ours.start();
  while ((await toolCount(ours.endpoint())) < tools) await pause(2);
  const took = performance.now() - begun;
  await ours.halt();
  return took;
}

/** The same for a bare `node:http` server: what Node itself takes here. */
async function bareStart(core: number | undefined): Promise<number> {
  const begun = performance.now();
  const server = new ServerProcess([yardstickPath('plain-http')], core);
  const { url } = await server.listening();
  const body = JSON.stringify({ id: 1, params: { arguments: { message: '' } } });
  await (await fetch(url, { method: 'POST', body })).text();
  const took = performance.now() - begun;
  await server.stop();
  return took;
}

const first: Figure = {
  name: 'start.first',
  async measure(bench) {
    const { server: core } = bench.options.cores;
    const upstream = await bench.yardstick('upstream-http', [], true);
    const mcpServers = {
      remote: { url: upstream.url },
      local: { command: process.execPath, args: [yardstickPath('upstream-stdio')] },
    };
    const ours = bench.adopt(new Seaworthy({ core, config: { modules: { example: {} }, mcpServers } }));
    await ours.start();
    let tools = 0;
    for (let waited = 0; waited < 100 && tools < expectedTools; waited += 1) {
      tools = await toolCount(ours.endpoint());
      await pause(50);
    }
    if (tools < expectedTools) bench.faults.push(`${String(tools)} tools listed after 5 s`);
    await ours.halt();
    const times: number[] = [];
    const bare: number[] = [];
    for (let index = 0; index < starts; index += 1) {
      bare.push(await bareStart(core));
      times.push(await firstAnswer(ours, tools));
    }
    return [
      valueRow({
        name: 'start.first',
        value: median(times),
        unit: 'ms',
        yardstick: `bare node:http ${median(bare).toFixed(0)}`,
        target: { bound: 'max', limit: 500 },
        details: { slowest: Math.max(...times), tools },
      }),
    ];
  },
};

export const startFigures: readonly Figure[] = [first];
