import { request } from 'node:http';
import {
  Client,
  StreamableHTTPClientTransport,
  type JSONRPCMessage,
  type Transport,
} from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { type ClientCapabilities } from '@modelcontextprotocol/client';
import { eventually } from '../support/eventually.js';
import { WireClient, type Message, type WireRequest } from '../support/mcp-wire.js';
import { type Family } from './dimensions.js';

/** Where a client connects: an address, or a program that it starts. */
export type CellTarget = { readonly url: string } | { readonly command: string; readonly args: string[] };

/** What came back for one message: the status where there is one, and the answer. */
export interface Answered {
  readonly status: number | undefined;
  readonly message: Message | undefined;
}

/** The official client, what passes over its transport, and a way to send what it would not. */
export interface CellClient {
  readonly family: Family;
  readonly sdk: Client;
  /** The process that the client has started; undefined over HTTP. */
  readonly pid: number | undefined;
  /** Every message that came in, in order. */
  readonly received: readonly Message[];
  /** What the server asked, in order: methods, with the mode where there is one. */
  readonly asked: string[];
  /** Sends a request past the SDK. */
  raw(method: string, params?: object): Promise<Answered>;
  /** The HTTP request that `raw` would send; undefined over stdio. */
  wire(method: string, params?: object): WireRequest | undefined;
  /** Sends a request whose answer nobody waits for, and which can be dropped; undefined over stdio. */
  abandonable(method: string, params?: object): { drop(): void } | undefined;
  /** HTTP without the SDK; undefined over stdio. */
  readonly http: WireClient | undefined;
  close(): Promise<void>;
}

export const everyCapability: ClientCapabilities = { roots: {}, sampling: {}, elicitation: { form: {}, url: {} } };
const info = { name: 'cells', version: '1.0.0' };
const modernRevision = '2026-07-28';
const legacyRevision = '2025-11-25';

/** The SDK asks a process of its own for the family first, unless the transport is a subclass: one start less. */
class ProcessTransport extends StdioClientTransport {}

/** Connects the official client of one family; it answers whatever it declares. */
export async function connectClient(
  family: Family,
  target: CellTarget,
  capabilities: ClientCapabilities = everyCapability,
): Promise<CellClient> {
  const sdk = new Client(info, {
    capabilities,
    versionNegotiation: { mode: family === 'modern' ? { pin: modernRevision } : 'legacy' },
  });
  const asked = answerQuestions(sdk, capabilities);
  const transport =
    'url' in target
      ? new StreamableHTTPClientTransport(new URL(target.url))
      : new ProcessTransport({ ...target, stderr: 'ignore' });
  const received = tap(transport);
  await sdk.connect(transport);
  const url = 'url' in target ? new URL(target.url) : undefined;
  const http = url && new WireClient(url.hostname, Number(url.port));
  let nextId = 1;
  const requestOf = (method: string, params: object = {}) => {
    const body = family === 'modern' ? withEnvelope(params, capabilities) : params;
    return { jsonrpc: '2.0' as const, id: `raw-${nextId++}`, method, params: body as Record<string, unknown> };
  };
  const wire = (method: string, params?: object): WireRequest | undefined =>
    url && {
      path: url.pathname,
      headers: { ...bodyHeaders, ...(family === 'modern' ? mirrored(method, params) : inSession(transport)) },
      body: requestOf(method, params),
    };
  return {
    family,
    sdk,
    pid: 'pid' in transport ? (transport.pid ?? undefined) : undefined,
    received,
    asked,
    http,
    wire,
    async raw(method, params) {
      const post = wire(method, params);
      if (http && post) {
        const reply = await http.send(post);
        return { status: reply.status, message: reply.json ?? reply.events.at(-1)?.message };
      }
      const message = requestOf(method, params);
      await transport.send(message);
      const answer = () => received.find(({ id }) => id === message.id);
      await eventually(() => answer() !== undefined, 10_000);
      return { status: undefined, message: answer() };
    },
    abandonable(method, params) {
      const post = wire(method, params);
      if (!url || !post) return undefined;
      const sending = sendOver(url, post);
      return { drop: () => sending.destroy() };
    },
    async close() {
      http?.close();
      await sdk.close();
    },
  };
}

function sendOver(url: URL, { headers = {}, body }: WireRequest) {
  const sending = request(url, { method: 'POST', headers });
  sending.on('error', () => {}); // Dropping it is the point.
  sending.end(JSON.stringify(body));
  return sending;
}

/** Keeps what comes in. The SDK sets `onmessage` when it connects, and reads it for each message. */
function tap(transport: Transport): Message[] {
  const received: Message[] = [];
  let deliver: Transport['onmessage'];
  Object.defineProperty(transport, 'onmessage', {
    get: () =>
      deliver &&
      ((message: JSONRPCMessage, extra: Parameters<NonNullable<typeof deliver>>[1]) => {
        received.push(message as Message);
        deliver?.(message, extra);
      }),
    set: (handler: typeof deliver) => {
      deliver = handler;
    },
  });
  return received;
}

function answerQuestions(sdk: Client, { elicitation, sampling, roots }: ClientCapabilities): string[] {
  const asked: string[] = [];
  if (elicitation)
    sdk.setRequestHandler('elicitation/create', ({ params }) => {
      asked.push(`elicitation ${params.mode === 'url' ? params.url : 'form'}`);
      return { action: 'accept', ...('requestedSchema' in params && { content: filledIn(params.requestedSchema) }) };
    });
  if (sampling)
    sdk.setRequestHandler('sampling/createMessage', () => {
      asked.push('sampling');
      return { role: 'assistant', model: 'cells', content: { type: 'text', text: 'Paris' } };
    });
  if (roots)
    sdk.setRequestHandler('roots/list', () => {
      asked.push('roots');
      return { roots: [{ uri: 'file:///cells' }] };
    });
  return asked;
}

function filledIn({ properties }: { properties: Record<string, unknown> }): Record<string, string | boolean> {
  const value = (schema: unknown) => ((schema as { type?: string }).type === 'boolean' ? true : 'Ada');
  return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, value(schema)]));
}

function withEnvelope(params: object, capabilities: ClientCapabilities): object {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': modernRevision,
    'io.modelcontextprotocol/clientInfo': info,
    'io.modelcontextprotocol/clientCapabilities': capabilities,
    ...('_meta' in params ? (params._meta as object) : {}),
  };
  return { ...params, _meta: meta };
}

const bodyHeaders = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

function mirrored(method: string, params: object = {}): Record<string, string> {
  const { name, uri } = params as { name?: string; uri?: string };
  const target = name ?? uri;
  return {
    'mcp-protocol-version': modernRevision,
    'mcp-method': method,
    ...(target !== undefined && { 'mcp-name': target }),
  };
}

function inSession(transport: Transport): Record<string, string> {
  return { 'mcp-protocol-version': legacyRevision, 'mcp-session-id': transport.sessionId ?? '' };
}
