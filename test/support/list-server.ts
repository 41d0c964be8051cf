import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a list server answers to one page of `tools/list`. */
export type ListAnswer = { readonly result: object } | { readonly error: object } | 'never';

/** A modern server on a free port of which a test decides every page of its list. */
export interface ListServer {
  readonly url: string;
  /** Requests of `tools/list` so far, by their cursor. */
  readonly cursors: readonly unknown[];
  /** Decides the pages from now on. */
  answer(page: (cursor: unknown) => ListAnswer): void;
  /** Tells those who listen that the tools have changed. */
  announce(): void;
  /** Streams of `subscriptions/listen` that are open. */
  readonly listeners: number;
  /** Ends every connection and the listener; the address stays known. */
  stop(): Promise<void>;
}

export const toolNamed = (name: string) => ({ name, inputSchema: { type: 'object' } });
/** One page that is the whole list. */
export const onePage = (...names: string[]): ListAnswer => ({ result: { tools: names.map(toolNamed) } });

/** Starts it; `port` 0 takes a free one. */
export async function startListServer(page: (cursor: unknown) => ListAnswer, port = 0): Promise<ListServer> {
  let current = page;
  const cursors: unknown[] = [];
  const streams = new Map<ServerResponse, unknown>();
  const discovered = {
    supportedVersions: ['2026-07-28'],
    capabilities: { tools: { listChanged: true } },
    _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'lists', version: '1' } },
  };
  const outcomeOf = (method: string, params: Record<string, unknown>): ListAnswer => {
    if (method === 'server/discover') return { result: discovered };
    if (method === 'tools/call') return { result: { content: [{ type: 'text', text: String(params['name']) }] } };
    if (method !== 'tools/list') return { error: { code: -32601, message: 'no' } };
    cursors.push(params['cursor']);
    return current(params['cursor']);
  };
  const server = createServer((request, response) => {
    if (request.method !== 'POST') return void response.writeHead(405).end();
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const message = JSON.parse(Buffer.concat(chunks).toString()) as Message;
      if (message.method === 'subscriptions/listen') return listen(message, response);
      const outcome = outcomeOf(message.method, message.params);
      if (outcome === 'never') return;
      const result = 'result' in outcome ? { result: { resultType: 'complete', ...outcome.result } } : outcome;
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ jsonrpc: '2.0', id: message.id, ...result }));
    });
  });
  const say = (response: ServerResponse, id: unknown, method: string, params: object) => {
    const _meta = { 'io.modelcontextprotocol/subscriptionId': id };
    response.write(`data: ${JSON.stringify({ jsonrpc: '2.0', method, params: { ...params, _meta } })}\n\n`);
  };
  const listen = ({ id, params }: Message, response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    streams.set(response, id);
    response.on('close', () => streams.delete(response));
    say(response, id, 'notifications/subscriptions/acknowledged', { notifications: params['notifications'] });
  };
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    cursors,
    answer: (next) => (current = next),
    announce: () => {
      for (const [response, id] of streams) say(response, id, 'notifications/tools/list_changed', {});
    },
    get listeners() {
      return streams.size;
    },
    async stop() {
      server.closeAllConnections();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Message {
  readonly id: unknown;
  readonly method: string;
  readonly params: Record<string, unknown>;
}
