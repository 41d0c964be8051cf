import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ClientCapabilities } from '@modelcontextprotocol/client';
import { sdkFixtureOf, startSdkFixture, startSseFixture } from '../support/sdk-fixture.js';
import { startSeaworthy } from '../support/seaworthy-process.js';
import { connectClient, type CellClient } from './cell-client.js';
import { type ClientTransport, type Family } from './dimensions.js';

/** One server behind the built gateway, and clients in front of it. */
export interface Rig {
  /** Connects a client of its own; the rig closes it at the end. */
  connect(family: Family, transport: ClientTransport, capabilities?: ClientCapabilities): Promise<CellClient>;
  /** What the server has written down so far (test/fixtures/sdk-server/journal.ts). */
  journal(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

const program = fileURLToPath(new URL('../../dist/app/cli/main.js', import.meta.url));

/** Starts a server of one family over one transport and the gateway in front of it. */
export async function startRig(family: Family, transport: 'http' | 'stdio' | 'sse'): Promise<Rig> {
  const directory = await mkdtemp(join(tmpdir(), 'cells-'));
  const journal = join(directory, 'journal');
  await writeFile(journal, '');
  const stops: (() => Promise<unknown>)[] = [];
  const entry = await startServer();
  const config = {
    auth: { mode: 'none' },
    access: ['anonymous', 'owner'].map((role) => ({ role, allow: ['fixture:*'] })),
    mcpServers: { fixture: entry },
    // A machine that is busy with other tests starts the server late.
    lists: { coldWaitMs: 30_000 },
  };
  const gateway = await startSeaworthy({ config });
  stops.unshift(() => gateway.stop());
  let connected = 0;

  /** A gateway of its own for each client that starts it. */
  async function ownGateway() {
    const name = `stdio-${++connected}`;
    const file = join(directory, `${name}.yaml`);
    await writeFile(file, JSON.stringify({ ...config, dataDir: join(directory, name) }));
    return { command: process.execPath, args: [program, 'stdio', '--config', file, '--provider', 'fixture'] };
  }

  async function startServer(): Promise<object> {
    if (transport === 'stdio') return sdkFixtureOf(family, journal);
    const server = transport === 'sse' ? await startSseFixture(journal) : await startSdkFixture(family, journal);
    stops.unshift(() => server.stop());
    return { url: server.url, ...(transport === 'sse' && { type: 'sse' }) };
  }

  return {
    async connect(clientFamily, clientTransport, capabilities) {
      const target = clientTransport === 'http' ? { url: `${gateway.url}/fixture` } : await ownGateway();
      const client = await connectClient(clientFamily, target, capabilities);
      stops.unshift(() => client.close());
      return client;
    },
    async journal() {
      return (await readFile(journal, 'utf8')).split('\n').slice(0, -1);
    },
    async stop() {
      for (const stop of stops) await stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
