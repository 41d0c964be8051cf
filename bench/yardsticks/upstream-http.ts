// Lean upstream over Streamable HTTP, JSON answers only, at every path. `--tools N` sets how many tools it lists,
// `--port N` where. After a PUT of any path it answers nothing there any more.
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { answer, leanTools } from './lean-server.js';
import { serve } from './serve.js';

const { values } = parseArgs({
  options: { tools: { type: 'string', default: '1' }, port: { type: 'string', default: '0' } },
});
const tools = leanTools(Number(values.tools));
let sessions = 0;
const silent = new Set<string>();

await serve(
  createServer((request, response) => {
    const path = request.url ?? '/';
    if (request.method === 'PUT') {
      silent.add(path);
      response.writeHead(204).end();
      return;
    }
    if (silent.has(path)) return;
    if (request.method !== 'POST') {
      response.writeHead(request.method === 'DELETE' ? 200 : 405).end();
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const reply = answer(Buffer.concat(chunks).toString('utf8'), tools);
      if (reply === undefined) {
        response.writeHead(202).end();
        return;
      }
      if (reply.method === 'initialize') response.setHeader('mcp-session-id', `lean-${String(++sessions)}`);
      response.writeHead(reply.status, {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(reply.json),
      });
      response.end(reply.json);
    });
  }),
  Number(values.port),
);
