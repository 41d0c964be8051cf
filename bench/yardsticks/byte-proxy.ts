// Yardstick: the least that a proxy over undici can do. Bytes in, bytes out; nothing is parsed, nothing is checked.
import { createServer, type ServerResponse } from 'node:http';
import { Pool, type Dispatcher } from 'undici';
import { serve } from './serve.js';

const upstream = new URL(process.argv[2] ?? '');
const pool = new Pool(upstream.origin, { connections: 64, pipelining: 1 });

const keptHeaders = ['content-type', 'content-length', 'mcp-session-id'];

/** Copies status, type, length and body, and slows the upstream down when the client does not read. */
function relayTo(response: ServerResponse): Dispatcher.DispatchHandler {
  let complete = false;
  return {
    onRequestStart: () => undefined,
    onResponseStart: (controller, status, headers) => {
      const kept: Record<string, string | string[]> = {};
      for (const name of keptHeaders) {
        const value = headers[name];
        if (value !== undefined) kept[name] = value;
      }
      response.writeHead(status, kept);
      response.on('drain', () => {
        controller.resume();
      });
      response.on('close', () => {
        if (!complete) controller.abort(new Error('the client left'));
      });
    },
    onResponseData: (controller, chunk) => {
      if (!response.write(chunk)) controller.pause();
    },
    onResponseEnd: () => {
      complete = true;
      response.end();
    },
    onResponseError: () => {
      complete = true;
      response.destroy();
    },
  };
}

await serve(
  createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { host: _host, connection: _connection, ...headers } = request.headers;
      pool.dispatch(
        {
          method: request.method ?? 'POST',
          path: upstream.pathname + upstream.search,
          headers,
          body: chunks.length === 0 ? null : Buffer.concat(chunks),
        },
        relayTo(response),
      );
    });
  }),
);
