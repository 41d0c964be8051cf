// A server written with the official SDK, in the process of the gateway: no port, no child process.
// Run it: npx tsx examples/sdk-server.ts
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { McpServer } from '@modelcontextprotocol/server';
import { createServer, fromSdkServer } from 'seaworthy';
import { z } from 'zod';

const tides = fromSdkServer({
  id: 'tides',
  doc: 'Tells the tide.',
  // Called for each client, so that no client sees another one's state. McpServer of SDK 1.x does as well.
  server: () => {
    const server = new McpServer({ name: 'tides', version: '1.0.0' });
    server.registerTool(
      'next_tide',
      { description: 'The next tide of a harbour.', inputSchema: z.object({ harbour: z.string() }) },
      ({ harbour }) => ({ content: [{ type: 'text', text: `High tide at ${harbour}: 14:05` }] }),
    );
    return server;
  },
});

const seaworthy = await createServer({
  modules: [tides],
  // Nobody is asked for a key: only for a listener that nobody else reaches.
  config: { auth: { mode: 'none' }, access: [{ role: 'anonymous', allow: ['tides:*'] }] },
});

const http = createHttpServer((request, response) => seaworthy.handle(request, response));
http.listen(Number(process.env.PORT ?? 8080), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`);
});

process.once('SIGTERM', () => {
  http.close();
  // Ends streams and waits for calls in flight; then nothing is lost with the connections that clients keep open.
  void seaworthy.close().then(() => http.closeAllConnections());
});
