import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { meta } from '#protocol/model/index.js';
import { initializeBody, jsonHeaders } from '../support/mcp-http.js';
import { WireClient } from '../support/mcp-wire.js';
import { startLegacyAsker, type LegacyAsker } from '../support/legacy-asker.js';
import { ModernClient } from '../support/modern-client.js';
import { startSeaworthy, type Seaworthy } from '../support/seaworthy-process.js';

let asker: LegacyAsker;
let program: Seaworthy;
let client: ModernClient;

beforeAll(async () => {
  asker = await startLegacyAsker();
  program = await startSeaworthy({
    config: {
      auth: { mode: 'none' },
      access: [{ role: 'anonymous', allow: ['*:*'] }],
      mcpServers: { asker: { url: asker.url } },
    },
  });
  client = new ModernClient(`${program.url}/asker`);
});
afterAll(async () => {
  client.close();
  await program.stop();
  await asker.stop();
});

const from = (level: string) => ({ meta: { [meta.logLevel]: level } });
const levelsSet = () =>
  asker.seen.flatMap(({ method, params }) => (method === 'logging/setLevel' ? [params?.['level']] : []));
const logged = ({ events }: Awaited<ReturnType<ModernClient['callTool']>>) =>
  events.flatMap(({ message }) => (message?.method === 'notifications/message' ? [message.params?.['level']] : []));

describe('log messages of a legacy server', () => {
  it('reach a modern call from its own level on, and none that asked for none', async () => {
    expect(logged(await client.callTool('log', {}))).toEqual([]);
    expect(levelsSet()).toEqual([]);
    expect(logged(await client.callTool('log', {}, from('info')))).toEqual(['info', 'error']);
    expect(levelsSet()).toEqual(['info']);
  });

  it('have the level that the most verbose call in flight wants', async () => {
    const before = levelsSet().length;
    const waiting = await client.callTool('ask', {}, from('debug'));
    expect(logged(await client.callTool('log', {}, from('error')))).toEqual(['error']);
    expect(levelsSet().slice(before)).toEqual(['debug']);
    const [key = ''] = Object.keys(waiting.result?.['inputRequests'] as object);
    const inputResponses = { [key]: { action: 'accept' } };
    await client.callTool('ask', { requestState: waiting.result?.['requestState'], inputResponses }, from('debug'));
    await client.callTool('log', {}, from('error'));
    expect(levelsSet().slice(before)).toEqual(['debug', 'error']);
  });

  it('reach a legacy client from the level on that its session set', async () => {
    const { hostname, port } = new URL(program.url);
    const wire = new WireClient(hostname, Number(port));
    const path = '/mcp/asker';
    const opened = await wire.send({ path, headers: jsonHeaders, body: initializeBody() });
    const headers = { ...jsonHeaders, 'mcp-session-id': String(opened.headers['mcp-session-id']) };
    const request = (id: number, method: string, params: object) =>
      wire.send({ path, headers, body: { jsonrpc: '2.0', id, method, params } });
    const levels = async (id: number) => {
      const { events } = await request(id, 'tools/call', { name: 'log' });
      return events.flatMap(({ message }) =>
        message?.params?.['level'] === undefined ? [] : [message.params['level']],
      );
    };
    expect(await levels(1)).toEqual(['debug', 'info', 'error']);
    await request(2, 'logging/setLevel', { level: 'error' });
    expect(await levels(3)).toEqual(['error']);
    wire.close();
  });
});
