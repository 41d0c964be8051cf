import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLegacyAsker, type LegacyAsker } from '../support/legacy-asker.js';
import { startSeaworthy, type Seaworthy } from '../support/seaworthy-process.js';
import { eventually } from '../support/eventually.js';

let asker: LegacyAsker;
let program: Seaworthy;
beforeAll(async () => {
  asker = await startLegacyAsker();
  program = await startSeaworthy({
    config: {
      auth: { mode: 'none' },
      access: [{ role: 'anonymous', allow: ['*:*'] }],
      mcpServers: { asker: { url: asker.url } },
    },
  });
});
afterAll(async () => {
  await program.stop();
  await asker.stop();
});

/** A legacy client of the official SDK that has roots, after its first call. */
async function connected(root: string, capabilities: Record<string, object> = { roots: {} }): Promise<Client> {
  const client = new Client({ name: root, version: '1' }, { capabilities });
  if (capabilities['roots'])
    client.setRequestHandler('roots/list', () => ({ roots: [{ uri: `file:///${root}`, name: root }] }));
  await client.connect(new StreamableHTTPClientTransport(new URL(`${program.url}/asker`)));
  await client.callTool({ name: 'count', arguments: {} });
  return client;
}

describe('what a legacy server asks outside of any call', () => {
  it('is answered by the client whose session it is, not by another', async () => {
    const other = await connected('other');
    const client = await connected('mine');
    await eventually(() => asker.watched);
    const asked = await asker.askOutside('roots/list');
    expect(asked.result).toEqual({ roots: [{ uri: 'file:///mine', name: 'mine' }] });
    await client.close();
    await other.close();
  });

  it('is refused as unknown where the client did not declare it', async () => {
    const client = await connected('plain', { sampling: {} });
    await eventually(() => asker.watched);
    const asked = await asker.askOutside('roots/list');
    expect(asked.error).toMatchObject({ code: -32601 });
    await client.close();
  });
});
