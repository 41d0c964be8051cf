import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Bench, Measured, Target } from '../harness/bench.js';
import { valueRow, type Figure, type Row } from '../harness/figure.js';
import { freePort } from '../harness/free-port.js';
import { echoCall, legacyPlan, modernPlan, openSession, type CallPlan, type Endpoint } from '../harness/mcp.js';
import { projectRoot } from '../harness/paths.js';
import { ServerProcess } from '../harness/server-process.js';
import { capacityRow, startSubject } from './runtime.js';

/** Connections of the paced rounds: many more than calls in flight, so that no call waits for one. */
const pacedConnections = 32;
const pacedRate = 1000;

function addedRow(name: string, of: 'p50' | 'p99', limitMs: number, ours: Measured, direct: Measured): Row {
  return valueRow({
    name,
    value: ours[of] - direct[of],
    unit: 'ms added',
    yardstick: `direct ${of} ${direct[of].toFixed(3)}`,
    target: { bound: 'max', limit: limitMs },
    details: { [of]: ours[of], [`direct ${of}`]: direct[of] },
  });
}

const http: Figure = {
  name: 'gateway.http',
  async measure(bench) {
    const upstream = await bench.yardstick('upstream-http', [], true);
    const proxy = await bench.yardstick('byte-proxy', [upstream.url]);
    const ours = await startSubject(bench, { mcpServers: { lean: { url: upstream.url } } });
    const subject = { name: 'seaworthy', pid: ours.pid, plan: modernPlan(ours.endpoint('lean'), echoCall()) };
    const least = { name: 'byte proxy', pid: proxy.pid, plan: modernPlan(proxy, echoCall()) };
    const direct = { name: 'direct', pid: upstream.pid, plan: modernPlan(upstream, echoCall()) };
    const [full, leastFull] = await bench.measure([subject, least], { connections: 64 });
    const paced = { connections: pacedConnections, rate: pacedRate };
    const [calm, leastCalm, directCalm] = await bench.measure([subject, least, direct], paced);
    if (!full || !leastFull || !calm || !leastCalm || !directCalm) return [];
    return [
      capacityRow('gateway.http', full, { name: 'undici byte proxy', measured: leastFull }, 0.6),
      addedRow('gateway.http.p50', 'p50', 0.3, calm, directCalm),
      addedRow('gateway.http.p99', 'p99', 1.5, calm, directCalm),
    ];
  },
};

/** Starts the npm package `mcp-proxy` in front of the lean stdio server and waits until it opens sessions. */
async function startMcpProxy(bench: Bench): Promise<{ pid: number; endpoint: Endpoint; session: string }> {
  const port = await freePort();
  const bin = join(projectRoot, 'node_modules/mcp-proxy/dist/bin/mcp-proxy.mjs');
  const upstream = bench.stdioUpstream();
  const args = ['--host', '127.0.0.1', '--port', String(port), '--server', 'stream', '--'];
  const process = bench.adopt(
    new ServerProcess([bin, ...args, upstream.command, ...upstream.args], bench.options.cores.server),
  );
  const endpoint = { url: `http://127.0.0.1:${String(port)}/mcp` };
  for (let attempt = 0; ; attempt += 1) {
    try {
      return { pid: process.pid, endpoint, session: await openSession(endpoint) };
    } catch (error) {
      if (attempt > 200 || !process.running) throw error;
      await pause(50);
    }
  }
}

const stdio: Figure = {
  name: 'gateway.stdio',
  async measure(bench) {
    const ours = await startSubject(bench, { mcpServers: { lean: bench.stdioUpstream() } });
    const proxy = await startMcpProxy(bench);
    const target = (name: string, pid: number, plan: CallPlan): Target => ({ name, pid, plan, withoutChildren: true });
    const subject = target('seaworthy', ours.pid, modernPlan(ours.endpoint('lean'), echoCall()));
    // In both of its modes; the better one is the yardstick.
    const theirs = [
      target('mcp-proxy, session', proxy.pid, legacyPlan(proxy.endpoint, proxy.session, echoCall())),
      target('mcp-proxy, modern', proxy.pid, modernPlan(proxy.endpoint, echoCall())),
    ];
    const [full, session, modern] = await bench.measure([subject, ...theirs], { connections: 16 });
    const [calm] = await bench.measure([subject], { connections: pacedConnections, rate: pacedRate });
    if (!full || !session || !modern || !calm) return [];
    const [name, best] = session.capacity > modern.capacity ? ['session', session] : ['modern', modern];
    return [
      capacityRow('gateway.stdio', full, { name: `mcp-proxy, ${name}`, measured: best }, 10),
      valueRow({
        name: 'gateway.stdio.p50',
        value: calm.p50,
        unit: 'ms',
        target: { bound: 'max', limit: 1 },
        yardstick: `mcp-proxy, loaded ${best.p50.toFixed(1)}`,
        details: { p99: calm.p99, loaded: full.p50 },
      }),
    ];
  },
};

export const gatewayFigures: readonly Figure[] = [http, stdio];
