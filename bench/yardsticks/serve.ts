import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Announces a listening server the way the program under test does, so that one starter serves both. */
export function announce(port: number): void {
  process.stdout.write(`${JSON.stringify({ event: 'listening', url: `http://127.0.0.1:${port}/mcp` })}\n`);
}

/** Listens on a loopback port (0: a free one), announces it, and leaves on SIGTERM. */
export async function serve(server: Server, port = 0): Promise<void> {
  server.keepAliveTimeout = 60_000;
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  announce((server.address() as AddressInfo).port);
  process.once('SIGTERM', () => {
    process.exit(0);
  });
}
