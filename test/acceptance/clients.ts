import { Client as ClientTwo, StreamableHTTPClientTransport as HttpTwo } from '@modelcontextprotocol/client';
import { StdioClientTransport as StdioTwo } from '@modelcontextprotocol/client/stdio';
import { Client as ClientOne } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as StdioOne } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as HttpOne } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ListRootsRequestSchema } from '@modelcontextprotocol/sdk/types.js';

/** The official clients, and how each of them chooses a protocol family. */
export const clientKinds = ['sdk-1', 'sdk-2-auto', 'sdk-2-modern'] as const;
export type ClientKind = (typeof clientKinds)[number];

/** Where a client connects: an address, or a program that it starts. */
export type ClientTarget =
  | { readonly url: string; readonly key?: string }
  | { readonly command: string; readonly args: readonly string[]; readonly cwd?: string };

type Params = Record<string, unknown>;

/** What both generations have in common. */
export interface McpClient {
  listTools(): Promise<{ tools: { name: string }[] }>;
  listPrompts(): Promise<{ prompts: { name: string }[] }>;
  listResources(): Promise<{ resources: { uri: string }[] }>;
  listResourceTemplates(): Promise<{ resourceTemplates: { uriTemplate: string }[] }>;
  callTool(params: { name: string; arguments?: Params }): Promise<Params>;
  getPrompt(params: { name: string; arguments?: Record<string, string> }): Promise<Params>;
  readResource(params: { uri: string }): Promise<Params>;
  complete(params: Params): Promise<Params>;
  close(): Promise<void>;
}

// Everything is declared, so that a server that offers tools by capability offers all of them.
const capabilities = { roots: {}, sampling: {}, elicitation: { form: {}, url: {} } };
/** server-everything asks for roots whenever a client has them, in the middle of any call. */
const noRoots = { roots: [] };
const info = { name: 'acceptance', version: '1.0.0' };

/** Connects a client and hands it over; the caller closes it. */
export async function connect(kind: ClientKind, target: ClientTarget): Promise<McpClient> {
  const headers = 'key' in target && target.key !== undefined ? { Authorization: `Bearer ${target.key}` } : {};
  const requestInit = { headers };
  if (kind === 'sdk-1') {
    const client = new ClientOne(info, { capabilities });
    client.setRequestHandler(ListRootsRequestSchema, () => noRoots);
    const transport =
      'url' in target ? new HttpOne(new URL(target.url), { requestInit }) : new StdioOne({ ...program(target) });
    // The SDK's own types do not agree with exactOptionalPropertyTypes.
    await client.connect(transport);
    return client;
  }
  const mode = kind === 'sdk-2-auto' ? 'auto' : { pin: '2026-07-28' };
  const client = new ClientTwo(info, { capabilities, versionNegotiation: { mode } });
  client.setRequestHandler('roots/list', () => noRoots);
  const transport =
    'url' in target ? new HttpTwo(new URL(target.url), { requestInit }) : new StdioTwo({ ...program(target) });
  await client.connect(transport);
  return client;
}

const program = ({ command, args, cwd }: Extract<ClientTarget, { command: string }>) => ({
  command,
  args: [...args],
  stderr: 'ignore' as const,
  ...(cwd !== undefined && { cwd }),
});

/** Runs `work` with a connected client, and closes it. */
export async function withClient<Result>(
  kind: ClientKind,
  target: ClientTarget,
  work: (client: McpClient) => Promise<Result>,
): Promise<Result> {
  const client = await connect(kind, target);
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}
