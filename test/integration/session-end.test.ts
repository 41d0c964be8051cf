import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { Provider } from '#gateway/catalog/index.js';
import { createUpstream } from '#gateway/upstreams/index.js';
import { silentLogger } from '#kernel/telemetry/index.js';
import { eventually } from '../support/eventually.js';
import { startMcpHttp, type McpTestServer } from '../support/mcp-http.js';
import { startWorkbench } from '../support/upstream-servers.js';

const upstream = await startWorkbench('legacy');
afterAll(() => upstream.stop('SIGKILL'));
const sessions = async () => (await fetch(`${upstream.url}/sessions`, { method: 'PUT' })).json() as Promise<number>;

const running: { stop(): Promise<unknown> }[] = [];
afterEach(() => Promise.all(running.splice(0).map((one) => one.stop())));

async function gateway(): Promise<McpTestServer> {
  const provider: Provider = createUpstream('up', { url: upstream.url }, { logger: silentLogger });
  const server = await startMcpHttp({ providers: [provider] });
  running.push({ stop: () => server.close() });
  return server;
}

describe('the end of a client’s session', () => {
  it('ends the session that it had upstream, and no other', async () => {
    const server = await gateway();
    const [one, other] = [await server.session({ provider: 'up' }), await server.session({ provider: 'up' })];
    const before = await sessions();
    for (const session of [one, other]) await session.result('tools/call', { name: 'echo', arguments: { text: 'a' } });
    expect(await sessions()).toBe(before + 2);
    expect((await one.delete()).status).toBe(200);
    await eventually(async () => (await sessions()) === before + 1);
    expect(await other.result('tools/call', { name: 'echo', arguments: { text: 'b' } })).toMatchObject({
      content: [{ text: 'b' }],
    });
  });

  it('comes also while a call runs, which is cancelled', async () => {
    const server = await gateway();
    const session = await server.session({ provider: 'up' });
    const before = await sessions();
    const stream = await session.open('tools/call', { name: 'wait', arguments: { ms: 60_000 } });
    await eventually(async () => (await sessions()) === before + 1);
    expect((await session.delete()).status).toBe(200);
    await stream.ended();
    await eventually(async () => (await sessions()) === before);
  });
});
