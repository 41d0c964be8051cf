import { idPlaceholder, type Expectation, type LoadJob } from '../load/index.js';

/** Where an MCP server answers, and the key it asks for. */
export interface Endpoint {
  readonly url: string;
  readonly apiKey?: string | undefined;
}

/** Request and expectation of a job; how hard it is driven is decided where it is run. */
export type CallPlan = Pick<LoadJob, 'host' | 'port' | 'path' | 'headers' | 'body' | 'expect'>;

/** One request before it is put into a family's form. */
export interface Call {
  readonly method: 'tools/call' | 'tools/list';
  readonly params: Readonly<Record<string, unknown>>;
  readonly expect: Expectation;
}

const clientInfo = { name: 'seaworthy-bench', version: '1.0.0' };
export const modernVersion = '2026-07-28';
export const legacyVersion = '2025-11-25';

/** 940 characters, so that call and answer are about 1 KiB each. */
export const message = 'All hands made it back to harbour before the storm. '.repeat(19).slice(0, 940);

/** A call of an echo tool with the 1 KiB message. */
export function echoCall(name = 'echo'): Call {
  return {
    method: 'tools/call',
    params: { name, arguments: { message } },
    expect: { kind: 'text', length: message.length },
  };
}

/** A call of the lean upstream's echo that answers with `bytes` characters. */
export function sizedCall(bytes: number): Call {
  return {
    method: 'tools/call',
    params: { name: 'echo', arguments: { size: bytes } },
    expect: { kind: 'text', length: bytes },
  };
}

/** A list request; `count` is how many tools the first page holds. */
export function listCall(count: number): Call {
  return { method: 'tools/list', params: {}, expect: { kind: 'tools', count } };
}

function baseHeaders(endpoint: Endpoint): Record<string, string> {
  return {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    ...(endpoint.apiKey === undefined ? {} : { authorization: `Bearer ${endpoint.apiKey}` }),
  };
}

function plan(endpoint: Endpoint, headers: Record<string, string>, call: Call, params: object): CallPlan {
  const url = new URL(endpoint.url);
  return {
    host: url.hostname,
    port: Number(url.port),
    path: url.pathname + url.search,
    headers: { ...baseHeaders(endpoint), ...headers },
    body: JSON.stringify({ jsonrpc: '2.0', id: idPlaceholder, method: call.method, params }),
    expect: call.expect,
  };
}

/** The call as a client of revision 2026-07-28 sends it. */
export function modernPlan(endpoint: Endpoint, call: Call): CallPlan {
  const name = call.params['name'];
  const headers = {
    'mcp-protocol-version': modernVersion,
    'mcp-method': call.method,
    ...(typeof name === 'string' ? { 'mcp-name': name } : {}),
  };
  const meta = {
    'io.modelcontextprotocol/protocolVersion': modernVersion,
    'io.modelcontextprotocol/clientCapabilities': {},
    'io.modelcontextprotocol/clientInfo': clientInfo,
  };
  return plan(endpoint, headers, call, { ...call.params, _meta: meta });
}

/** Headers of a legacy client inside a session. */
export function sessionHeaders(endpoint: Endpoint, session: string): Record<string, string> {
  return { ...baseHeaders(endpoint), 'mcp-protocol-version': legacyVersion, 'mcp-session-id': session };
}

/** The call as a client of revision 2025-11-25 sends it inside a session. */
export function legacyPlan(endpoint: Endpoint, session: string, call: Call): CallPlan {
  return plan(endpoint, { 'mcp-protocol-version': legacyVersion, 'mcp-session-id': session }, call, call.params);
}

/** Opens a legacy session and returns its id. Throws when the server does not give one. */
export async function openSession(endpoint: Endpoint): Promise<string> {
  const response = await fetch(endpoint.url, {
    method: 'POST',
    headers: baseHeaders(endpoint),
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: { protocolVersion: legacyVersion, capabilities: {}, clientInfo },
    }),
  });
  const text = await response.text();
  const session = response.headers.get('mcp-session-id');
  if (session === null) throw new Error(`no session: status ${String(response.status)} ${text.slice(0, 300)}`);
  const noted = await fetch(endpoint.url, {
    method: 'POST',
    headers: sessionHeaders(endpoint, session),
    body: JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' }),
  });
  await noted.text();
  return session;
}

/** The result of one modern request. Throws on any error. */
export async function request(
  endpoint: Endpoint,
  method: Call['method'],
  params: Call['params'],
): Promise<Record<string, unknown>> {
  const { headers, body } = modernPlan(endpoint, { method, params, expect: { kind: 'tools', count: 0 } });
  const response = await fetch(endpoint.url, { method: 'POST', headers, body });
  const text = await response.text();
  const answer = response.ok ? (JSON.parse(text) as { result?: Record<string, unknown> }) : {};
  if (answer.result === undefined) {
    throw new Error(`${method}: status ${String(response.status)} ${text.slice(0, 300)}`);
  }
  return answer.result;
}

/** How many tools each page of a modern tools/list holds, first page first. */
export async function toolPages(endpoint: Endpoint): Promise<number[]> {
  const pages: number[] = [];
  let cursor: unknown;
  do {
    const result = await request(endpoint, 'tools/list', cursor === undefined ? {} : { cursor });
    pages.push((result['tools'] as readonly unknown[]).length);
    cursor = result['nextCursor'];
  } while (cursor !== undefined);
  return pages;
}
