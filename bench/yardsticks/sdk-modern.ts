// Yardstick: the official SDK 2.x, a fresh McpServer per request as its handler does it, JSON answers.
import { createServer } from 'node:http';
import { toNodeHandler, type NodeIncomingMessageLike } from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { serve } from './serve.js';

const inputSchema = z.object({ message: z.string() });

const handler = createMcpHandler(
  () => {
    const server = new McpServer({ name: 'sdk-echo', version: '1.0.0' });
    server.registerTool('echo', { description: 'Echoes', inputSchema }, ({ message }) => ({
      content: [{ type: 'text' as const, text: message }],
    }));
    return server;
  },
  { responseMode: 'json' },
);
const node = toNodeHandler(handler);

await serve(
  createServer((request, response) => {
    // The adapter's own type has optional members that exactOptionalPropertyTypes tells apart from Node's.
    void node(request as NodeIncomingMessageLike, response);
  }),
);
