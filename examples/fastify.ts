// The gateway in a scope of a Fastify 5 application, with callers that the application knows already.
// Run it: npx tsx examples/fastify.ts, with the key "let-me-in"
import Fastify from 'fastify';
import { createServer } from 'seaworthy';
import { fail } from 'seaworthy/module';
import glossary from './glossary.js';

// Stands for the users of the application; a real one asks its database.
const users = new Map([['Bearer let-me-in', { id: 'user:1', name: 'Ada', roles: ['reader'] }]]);

const seaworthy = await createServer({
  modules: [glossary],
  config: { access: [{ role: 'reader', allow: ['glossary:define'] }] },
  // Takes the place of the API keys: who calls. What the roles may do is still decided by `access`.
  authenticator: {
    authenticate: ({ header }) => {
      const user = users.get(header('authorization') ?? '');
      if (!user) throw fail('SW_UNAUTHENTICATED');
      return { ...user, kind: 'key' };
    },
  },
});

// Connections that clients keep open do not hold the end up: the gateway has finished by then, see preClose.
const app = Fastify({ forceCloseConnections: true });
app.get('/', () => 'The application itself.');
app.register((scope, _options, done) => {
  // Only in this scope: the body stays unread, because the gateway reads it itself.
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', (_request, _payload, parsed) => parsed(null));
  scope.all('/mcp*', (request, reply) => {
    // Fastify lets go of the answer; the gateway writes it, and streams it where the protocol says so.
    reply.hijack();
    seaworthy.handle(request.raw, reply.raw);
  });
  done();
});
app.addHook('preClose', () => seaworthy.close());

console.log(`${await app.listen({ port: Number(process.env.PORT ?? 8080), host: '127.0.0.1' })}/mcp`);

process.once('SIGTERM', () => void app.close());
