import { fail } from '#kernel/errors/index.js';
import type { Prompt, Resource, ResourceTemplate, Tool } from '#protocol/model/index.js';
import type { ListOf, Module, Provisioned } from './definition.js';
import type { PromptDefinition, ResourceDefinition, ResourceTemplateDefinition } from './resource.js';
import { compileSchema, type CompiledSchema } from './schema.js';
import type { ToolDefinition } from './tool.js';
import { compileUriTemplate, type UriTemplate } from './uri-template.js';

export interface OfferedTool {
  readonly definition: ToolDefinition;
  readonly input: CompiledSchema;
  readonly output: CompiledSchema | undefined;
  readonly listed: Tool;
}

export interface OfferedTemplate {
  readonly definition: ResourceTemplateDefinition;
  readonly template: UriTemplate;
}

/** Everything a module offers at one time, ready for calls and for lists. */
export interface Offer {
  readonly tools: ReadonlyMap<string, OfferedTool>;
  readonly prompts: ReadonlyMap<string, PromptDefinition>;
  readonly resources: ReadonlyMap<string, ResourceDefinition>;
  readonly templates: readonly OfferedTemplate[];
  readonly lists: {
    readonly tools: readonly Tool[];
    readonly prompts: readonly Prompt[];
    readonly resources: readonly Resource[];
    readonly resourceTemplates: readonly ResourceTemplate[];
  };
}

/**
 * Reads the lists of a provisioned module and prepares every item.
 * @throws SW_MODULE_INVALID for a name that is taken or malformed, a scope that is not declared, a bad schema
 */
export async function readOffer(module: Module, provisioned: Provisioned): Promise<Offer> {
  const toolList = await listOf(provisioned.tools);
  const promptList = await listOf(provisioned.prompts);
  const resourceList = await listOf(provisioned.resources);
  const templateList = await listOf(provisioned.resourceTemplates);
  const tools = byKey(
    module,
    'tool',
    toolList.map((item) => [item.name, offeredTool(module, item)]),
  );
  const prompts = byKey(
    module,
    'prompt',
    promptList.map((item) => [item.name, item]),
  );
  const resources = byKey(
    module,
    'resource',
    resourceList.map((item) => [item.uri, item]),
  );
  const templates = templateList.map((definition) => ({
    definition,
    template: compileUriTemplate(definition.uriTemplate, module.id),
  }));
  const fromTemplates = await Promise.all(templateList.map(async (item) => (await item.list?.()) ?? []));
  const lists = {
    tools: [...tools.values()].map(({ listed }) => listed),
    prompts: promptList.map(listedPrompt),
    resources: [...resourceList.map(listedResource), ...fromTemplates.flat()],
    resourceTemplates: templateList.map(listedTemplate),
  };
  return { tools, prompts, resources, templates, lists };
}

async function listOf<Item>(list: ListOf<Item> = []): Promise<readonly Item[]> {
  return typeof list === 'function' ? list() : list;
}

const namePattern = /^[A-Za-z0-9_./-]{1,64}$/;

function byKey<Item>(module: Module, kind: string, items: readonly (readonly [string, Item])[]): Map<string, Item> {
  const map = new Map<string, Item>();
  for (const [key, item] of items) {
    const invalid = (reason: string) =>
      fail('SW_MODULE_INVALID', { module: module.id, reason: `${kind} ${key} ${reason}` });
    if (map.has(key)) throw invalid('is offered twice');
    if (kind !== 'resource' && !namePattern.test(key)) throw invalid(`does not match ${namePattern.source}`);
    map.set(key, item);
  }
  return map;
}

/** Dynamic lists return the same definition objects again and again: their schemas are made once. */
const prepared = new WeakMap<ToolDefinition, OfferedTool>();

function offeredTool(module: Module, definition: ToolDefinition): OfferedTool {
  const known = prepared.get(definition);
  if (known) return known;
  const invalid = (reason: string, cause?: unknown) =>
    fail('SW_MODULE_INVALID', { module: module.id, reason: `tool ${definition.name}: ${reason}` }, cause);
  const unknown = definition.scopes?.find((scope) => !(scope in module.scopes));
  if (unknown !== undefined) throw invalid(`scope ${unknown} is not declared`);
  let input: CompiledSchema;
  let output: CompiledSchema | undefined;
  try {
    input = compileSchema(definition.input);
    output = definition.output && compileSchema(definition.output);
  } catch (cause) {
    throw invalid('its schema has no form in JSON Schema', cause);
  }
  if (input.wire['type'] !== 'object') throw invalid('its input schema is not an object');
  const offered = { definition, input, output, listed: listedTool(definition, input, output) };
  prepared.set(definition, offered);
  return offered;
}

function listedTool(definition: ToolDefinition, input: CompiledSchema, output: CompiledSchema | undefined): Tool {
  const { name, title, description, annotations, meta, icons } = definition;
  return present({
    name,
    title,
    description,
    inputSchema: input.wire,
    outputSchema: output?.wire,
    annotations,
    icons,
    _meta: meta,
  });
}

function listedPrompt({ name, title, description, arguments: args, meta, icons }: PromptDefinition): Prompt {
  const declared = args?.map(({ complete: _complete, ...argument }) => argument);
  return present({ name, title, description, arguments: declared, icons, _meta: meta });
}

function listedResource(definition: ResourceDefinition): Resource {
  const { uri, name, title, description, mimeType, size, annotations, meta, icons } = definition;
  return present({ uri, name, title, description, mimeType, size, annotations, icons, _meta: meta });
}

function listedTemplate(definition: ResourceTemplateDefinition): ResourceTemplate {
  const { uriTemplate, name, title, description, mimeType, annotations, meta, icons } = definition;
  return present({ uriTemplate, name, title, description, mimeType, annotations, icons, _meta: meta });
}

/** Without the members that are undefined: they would be in the way of comparing and hashing. */
function present<Item extends object>(item: Item): Item {
  return Object.fromEntries(Object.entries(item).filter(([, value]) => value !== undefined)) as Item;
}
