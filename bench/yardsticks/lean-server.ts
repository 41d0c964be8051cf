/** A hand-written MCP server for both families with nothing in it but answers, so that an upstream costs little. */

interface Message {
  readonly id?: number | string;
  readonly method: string;
  readonly params?: {
    readonly protocolVersion?: string;
    readonly name?: string;
    readonly arguments?: { readonly message?: string; readonly size?: number };
    readonly _meta?: Record<string, unknown>;
  };
}

const modernVersion = '2026-07-28';
const legacyVersions = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'];
const versionKey = 'io.modelcontextprotocol/protocolVersion';
const serverInfo = { name: 'lean', version: '1.0.0' };
const capabilities = { tools: { listChanged: false } };

const texts = new Map<number, string>();

/** A text of exactly `size` characters, made once. */
function textOf(size: number): string {
  let text = texts.get(size);
  if (text === undefined) {
    text = 'x'.repeat(size);
    texts.set(size, text);
  }
  return text;
}

/** `count` tools: `echo`, and others of a usual size that only fill the list. */
export function leanTools(count: number): object[] {
  const echo = {
    name: 'echo',
    description: 'Answers with the message, or with a text of the given size.',
    inputSchema: {
      type: 'object',
      properties: { message: { type: 'string' }, size: { type: 'integer', minimum: 0 } },
    },
  };
  const fillers = Array.from({ length: count - 1 }, (_, index) => ({
    name: `tool-${String(index + 1).padStart(3, '0')}`,
    description: `Looks up record number ${index + 1} and answers with what is stored about it.`,
    inputSchema: {
      type: 'object',
      properties: {
        id: { type: 'string', description: 'Identifier of the record' },
        fields: { type: 'array', items: { type: 'string' }, description: 'Names of the fields to return' },
        limit: { type: 'integer', minimum: 1, maximum: 100, default: 10 },
      },
      required: ['id'],
    },
  }));
  return [echo, ...fillers];
}

function resultOf(message: Message, modern: boolean, tools: readonly object[]): object | undefined {
  const complete = modern ? { resultType: 'complete' } : {};
  const cache = modern ? { ttlMs: 3_600_000, cacheScope: 'public' } : {};
  switch (message.method) {
    case 'initialize': {
      const asked = message.params?.protocolVersion ?? '';
      return { protocolVersion: legacyVersions.includes(asked) ? asked : legacyVersions[0], capabilities, serverInfo };
    }
    case 'server/discover':
      return {
        ...complete,
        ...cache,
        supportedVersions: [modernVersion, ...legacyVersions],
        capabilities,
        _meta: { 'io.modelcontextprotocol/serverInfo': serverInfo },
      };
    case 'ping':
      return {};
    case 'tools/list':
      return { ...complete, ...cache, tools };
    case 'tools/call': {
      const given = message.params?.arguments;
      const text = given?.size === undefined ? (given?.message ?? '') : textOf(given.size);
      return { ...complete, content: [{ type: 'text', text }] };
    }
    default:
      return undefined;
  }
}

/** One answer of the lean server: JSON text, and what a transport needs to know about it. */
export interface LeanAnswer {
  readonly json: string;
  readonly method: string;
  /** HTTP status; 404 for an unknown method is the modern family's rule only. */
  readonly status: 200 | 404;
}

/** Answers one message; undefined when it was a notification. */
export function answer(text: string, tools: readonly object[]): LeanAnswer | undefined {
  const message = JSON.parse(text) as Message;
  if (message.id === undefined) return undefined;
  const modern = message.params?._meta?.[versionKey] === modernVersion;
  const result = resultOf(message, modern, tools);
  const outcome = result === undefined ? { error: { code: -32601, message: 'Method not found' } } : { result };
  return {
    json: JSON.stringify({ jsonrpc: '2.0', id: message.id, ...outcome }),
    method: message.method,
    status: result === undefined && modern ? 404 : 200,
  };
}
