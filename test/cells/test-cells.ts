import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClientCapabilities } from '@modelcontextprotocol/client';
import { type CellClient } from './cell-client.js';
import { clientTransports, families, scenarios, type ClientTransport, type Family } from './dimensions.js';
import { expectationOf, type ServerOf } from './expectations.js';
import { plays } from './plays/index.js';
import { startRig, type Rig } from './rig.js';
import { cellTable } from './table.js';

/** For a machine that is busy with other tests as well. */
const timeout = 60_000;

/** Every cell of one server: both families of clients, over HTTP and over stdio, through every scenario. */
export function testCells(server: ServerOf): void {
  let rig: Rig;
  beforeAll(async () => {
    rig = await startRig(server.family, server.transport);
  });
  afterAll(() => rig.stop());

  for (const family of families)
    for (const transport of clientTransports)
      describe(
        `a ${family} client over ${transport}, a ${server.family} server over ${server.transport}`,
        { timeout },
        () => {
          testClient(() => rig, family, transport, server);
        },
      );
}

function testClient(rig: () => Rig, family: Family, transport: ClientTransport, server: ServerOf): void {
  let client: CellClient;
  beforeAll(async () => {
    client = await rig().connect(family, transport);
  });
  it.each(scenarios)('%s', async (scenario) => {
    const others: CellClient[] = [];
    const another = async (capabilities?: ClientCapabilities) => {
      const other = await rig().connect(family, transport, capabilities);
      others.push(other);
      return other;
    };
    try {
      const { answer, why } = expectationOf(cellTable[scenario], family, transport, server);
      expect(await plays[scenario]({ client, transport, rig: rig(), another }), why).toBe(answer);
    } finally {
      for (const other of others) await other.close();
    }
  });
}
