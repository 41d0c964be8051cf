// Yardstick: Fastify 5 as installed, its own JSON parser and serialiser, no schema.
import { fastify } from 'fastify';
import { echoAnswer, type EchoRequest } from './echo.js';
import { announce } from './serve.js';

const app = fastify({ keepAliveTimeout: 60_000 });
app.post('/mcp', (request) => echoAnswer(request.body as EchoRequest));
announce(Number(new URL(await app.listen({ port: 0, host: '127.0.0.1' })).port));
process.once('SIGTERM', () => {
  process.exit(0);
});
