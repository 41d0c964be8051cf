// The gateway as middleware of an Express 5 application.
// Run it: npx tsx examples/express.ts
import type { AddressInfo } from 'node:net';
import express from 'express';
import { createServer } from 'seaworthy';
import glossary from './glossary.js';

const seaworthy = await createServer({
  modules: [glossary],
  config: {
    modules: { glossary: { terms: { starboard: 'The right side, looking forward.' } } },
    access: [{ role: 'owner', allow: ['glossary:*'] }],
  },
});

const app = express();
// Before express.json(): the gateway reads the body itself, with its own limit and its strict parser.
app.use(seaworthy.middleware);
app.use(express.json());
app.get('/', (_request, response) => {
  response.send('The application itself.');
});

const http = app.listen(Number(process.env.PORT ?? 8080), '127.0.0.1', () => {
  if (seaworthy.apiKey !== undefined) console.log(`key ${seaworthy.apiKey}`);
  console.log(`http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`);
});

process.once('SIGTERM', () => {
  http.close();
  // Ends streams and waits for calls in flight; then nothing is lost with the connections that clients keep open.
  void seaworthy.close().then(() => http.closeAllConnections());
});
