// Yardstick: the least that `node:http` can do with a JSON-RPC call. Parse, answer; no check of any kind.
import { createServer } from 'node:http';
import { echoAnswer, type EchoRequest } from './echo.js';
import { serve } from './serve.js';

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const call = JSON.parse(Buffer.concat(chunks).toString('utf8')) as EchoRequest;
    const body = JSON.stringify(echoAnswer(call));
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
    response.end(body);
  });
});

await serve(server);
