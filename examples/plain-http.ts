// The gateway inside a plain node:http server, beside an address of the program's own.
// Run it: npx tsx examples/plain-http.ts
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer } from 'seaworthy';
import glossary from './glossary.js';

const seaworthy = await createServer({
  modules: [glossary],
  // The same settings as in seaworthy.yaml. What no rule allows is refused.
  config: { access: [{ role: 'owner', allow: ['glossary:*'] }] },
});

const http = createHttpServer((request, response) => {
  // `owns` is true for /mcp and /mcp/glossary; everything else stays yours.
  if (seaworthy.owns(request.url ?? '/')) seaworthy.handle(request, response);
  else response.end('The program itself.\n');
});

http.listen(Number(process.env.PORT ?? 8080), '127.0.0.1', () => {
  // The first start makes a key with the role `owner`. Only its hash is kept, so it is shown this once.
  if (seaworthy.apiKey !== undefined) console.log(`key ${seaworthy.apiKey}`);
  console.log(`http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`);
});

process.once('SIGTERM', () => {
  http.close();
  // Ends streams and waits for calls in flight; then nothing is lost with the connections that clients keep open.
  void seaworthy.close().then(() => http.closeAllConnections());
});
