import type { McpClient } from './clients.js';

/** Tools of server-everything that answer the same every time, with their arguments. */
const calls: Readonly<Record<string, Record<string, unknown>>> = {
  echo: { message: 'ahoy ⚓' },
  'get-sum': { a: 2, b: 3 },
  'get-tiny-image': {},
  'get-annotated-message': { messageType: 'error', includeImage: true },
  'get-resource-links': { count: 3 },
  'get-resource-reference': { resourceType: 'Text', resourceId: 1 },
  'get-structured-content': { location: 'New York' },
  'trigger-long-running-operation': { duration: 0.1, steps: 2 },
};

const prompts: Readonly<Record<string, Record<string, string>>> = {
  'simple-prompt': {},
  'args-prompt': { city: 'Hamburg', state: 'HH' },
  'completable-prompt': { department: 'Engineering', name: 'Alice' },
  'resource-prompt': { resourceType: 'Text', resourceId: '1' },
};

/**
 * Everything that server-everything answers, in a form that two ways to reach it can be compared by.
 * @param sameFamily false where the two ways differ in family: then what one family does not know is left out
 */
export async function everythingSurface(client: McpClient, sameFamily: boolean): Promise<unknown> {
  const { tools } = await client.listTools();
  const listed = await client.listPrompts();
  const { resources } = await client.listResources();
  const { resourceTemplates } = await client.listResourceTemplates();
  const called: Record<string, unknown> = {};
  for (const [name, given] of Object.entries(calls)) called[name] = await client.callTool({ name, arguments: given });
  const got: Record<string, unknown> = {};
  for (const [name, given] of Object.entries(prompts)) got[name] = await client.getPrompt({ name, arguments: given });
  const read: unknown[] = [];
  for (const { uri } of resources.slice(0, 3)) read.push(await client.readResource({ uri }));
  read.push(await client.readResource({ uri: 'demo://resource/dynamic/text/7' }));
  const completed = await client.complete({
    ref: { type: 'ref/prompt', name: 'completable-prompt' },
    argument: { name: 'department', value: 'E' },
  });
  const refused = [
    await outcome(client.callTool({ name: 'get-sum', arguments: { a: 'x' } })),
    await outcome(client.getPrompt({ name: 'no-such-prompt' })),
  ];
  const left = sameFamily ? perHop : new Set([...perHop, ...legacyOnly]);
  const surface = {
    tools,
    prompts: listed.prompts,
    resources,
    resourceTemplates,
    called,
    got,
    read,
    completed,
    refused,
  };
  return stable(surface, left);
}

/** Whether it failed, not how: the words are those of who refused. */
async function outcome(result: Promise<Record<string, unknown>>): Promise<string> {
  try {
    return (await result)['isError'] === true ? 'refused' : 'answered';
  } catch {
    return 'refused';
  }
}

/** Members that belong to one revision or one hop, not to the answer. */
const perHop: ReadonlySet<string> = new Set(['resultType', 'ttlMs', 'cacheScope']);
/** Tasks of 2025-11-25: the gateway passes it on, the SDK's client drops it in the modern family. */
const legacyOnly = ['execution'];

/** Without what differs by revision or by the clock. */
function stable(value: unknown, left: ReadonlySet<string>): unknown {
  if (typeof value === 'string') return value.replace(/\d{1,2}:\d{2}:\d{2}(?: [AP]M)?/g, 'TIME');
  if (Array.isArray(value)) return value.map((item) => stable(item, left));
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).filter(([name, member]) => !left.has(name) && !isServerInfo(name, member));
  return Object.fromEntries(members.map(([name, member]) => [name, stable(member, left)]));
}

/** The modern family says in each result who answered. */
const isServerInfo = (name: string, member: unknown): boolean =>
  name === '_meta' && Object.keys(member as object).every((key) => key.startsWith('io.modelcontextprotocol/'));
