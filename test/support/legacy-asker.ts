import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { text as readText } from 'node:stream/consumers';

type Json = Record<string, unknown>;
interface Message extends Json {
  id?: string | number;
  method?: string;
  params?: Json;
  result?: Json;
  error?: Json;
}

/** A question to the client on the stream of a call. */
type Ask = (method: string, params?: Json) => Promise<Message>;

/** A running tool: what it was called with, and its way to the client. */
interface Call {
  readonly args: Json;
  readonly ask: Ask;
  readonly notify: (method: string, params: Json) => void;
}

/** What the server has seen, for assertions. */
export interface LegacyAsker {
  readonly url: string;
  /** Calls that have begun and not ended. */
  readonly running: ReadonlySet<string>;
  /** Methods and params of everything that arrived, in order. */
  readonly seen: readonly Message[];
  /** True when the newest session has a GET stream. */
  readonly watched: boolean;
  /** Asks on the GET stream of the newest session, outside of any call. */
  askOutside(method: string, params?: Json): Promise<Message>;
  stop(): Promise<void>;
}

const form = (message: unknown): Json => ({
  message,
  requestedSchema: { type: 'object', properties: { name: { type: 'string' } } },
});
const said = (value: unknown): Json => ({ content: [{ type: 'text', text: JSON.stringify(value) }] });
const page = { mode: 'url', elicitationId: 'page-1', url: 'https://example.com/consent', message: 'Allow it' };

/** The tools of the server: each asks its client in another way. */
const tools: Record<string, (call: Call) => Promise<Json>> = {
  ask: async ({ args, ask }) => said((await ask('elicitation/create', form(args['message']))).result),
  ask_twice: async ({ ask }) => {
    const first = await ask('elicitation/create', form('first'));
    return said([first.result, (await ask('elicitation/create', form('second'))).result]);
  },
  ask_all: async ({ ask }) => {
    const answers = await Promise.all([
      ask('elicitation/create', form('form')),
      ask('sampling/createMessage', { messages: [], maxTokens: 1 }),
      ask('roots/list'),
    ]);
    return said(answers.map(({ result, error }) => result ?? error));
  },
  ask_page: async ({ ask }) => said((await ask('elicitation/create', page)).result),
  log: async ({ args, notify }) => {
    for (const level of ['debug', 'info', 'error']) notify('notifications/message', { level, data: args['data'] });
    return said('logged');
  },
  count: async ({ args }) => said(args),
};

/**
 * A raw server of revision 2025-11-25 over Streamable HTTP whose tools ask their client. `pages` refuses with -32042
 * until it was called `opensAt` times.
 */
export async function startLegacyAsker({ opensAt = 2 } = {}): Promise<LegacyAsker> {
  const running = new Set<string>();
  const seen: Message[] = [];
  const waiting = new Map<string, (answer: Message) => void>();
  const streams = new Map<string, ServerResponse>();
  let questions = 0;
  let pageCalls = 0;
  let newest = '';

  const event = (response: ServerResponse, message: Json) =>
    response.write(`data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`);
  const askOn =
    (response: ServerResponse): Ask =>
    (method, params) =>
      new Promise((resolve) => {
        const id = `question-${++questions}`;
        waiting.set(id, resolve);
        event(response, { id, method, ...(params ? { params } : {}) });
      });

  async function callTool(message: Message, session: string, response: ServerResponse): Promise<void> {
    const { name, arguments: args = {} } = message.params as { name: string; arguments?: Json };
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders();
    if (name === 'pages' && ++pageCalls < opensAt) {
      event(response, { id: message.id, error: { code: -32042, message: 'first', data: { elicitations: [page] } } });
      response.end();
      return;
    }
    const key = `${session} ${String(message.id)}`;
    const tool = tools[name] ?? (() => Promise.resolve(said('opened')));
    const call: Call = {
      args,
      ask: askOn(response),
      notify: (method, params) => event(response, { method, params }),
    };
    running.add(key);
    const result = await tool(call);
    // A cancelled call gets no answer.
    if (running.delete(key)) event(response, { id: message.id, result });
    response.end();
  }

  async function post(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const message = JSON.parse(await readText(request)) as Message;
    seen.push(message);
    const session = request.headers['mcp-session-id'];
    const json = (status: number, body: Json, headers: Record<string, string> = {}) =>
      response
        .writeHead(status, { 'content-type': 'application/json', ...headers })
        .end(JSON.stringify({ jsonrpc: '2.0', ...body }));
    if (message.method === undefined) {
      waiting.get(String(message.id))?.(message);
      response.writeHead(202).end();
    } else if (message.id === undefined) {
      if (message.method === 'notifications/cancelled')
        running.delete(`${String(session)} ${String(message.params?.['requestId'])}`);
      response.writeHead(202).end();
    } else if (message.method === 'initialize') {
      newest = randomUUID();
      const capabilities = { tools: {}, logging: {}, completions: {} };
      const result = { protocolVersion: '2025-11-25', capabilities, serverInfo: { name: 'asker', version: '1' } };
      json(200, { id: message.id, result }, { 'mcp-session-id': newest });
    } else if (session === undefined)
      json(400, { id: null, error: { code: -32000, message: 'Bad Request: Server not initialized' } });
    else if (message.method === 'tools/list')
      json(200, {
        id: message.id,
        result: { tools: [...Object.keys(tools), 'pages'].map((name) => ({ name, inputSchema: { type: 'object' } })) },
      });
    else if (message.method === 'tools/call') await callTool(message, String(session), response);
    else json(200, { id: message.id, result: {} });
  }

  const server = createServer((request, response) => {
    if (request.method === 'POST') void post(request, response);
    else if (request.method === 'GET') {
      streams.set(String(request.headers['mcp-session-id']), response);
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    } else response.writeHead(200).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    running,
    seen,
    get watched() {
      return streams.has(newest);
    },
    askOutside(method, params) {
      const stream = streams.get(newest);
      if (!stream) throw new RangeError('the newest session has no stream');
      return askOn(stream)(method, params);
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
