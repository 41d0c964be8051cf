import { fail } from '#kernel/errors/index.js';
import { isObject } from '#protocol/jsonrpc/index.js';
import type { JsonObject } from '#protocol/model/index.js';
import type { Catalog, Provider, View } from '../catalog/index.js';
import type { Facts } from '../policy/index.js';
import { requireTasks, type TaskTokens } from '../tasks/index.js';
import type { CallTarget, Flow } from './flow.js';
import { requireFamily } from './require-family.js';

/**
 * A name becomes a target: who answers, under which own name. One map look-up in the principal's view; nothing is
 * listed here. A name that is not in the view is only refused after admission has had its say, so that a refusal
 * does not tell what exists.
 * @throws SW_METHOD_UNKNOWN, SW_PARAMS_INVALID, SW_TOOL_UNKNOWN, SW_PROMPT_UNKNOWN, SW_RESOURCE_UNKNOWN,
 *   SW_ACCESS_DENIED, SW_PIN_DRIFT, SW_UPSTREAM_UNAVAILABLE, SW_CAPABILITY_MISSING, SW_TASK_UNKNOWN
 */
export async function resolve(flow: Flow, catalog: Catalog, tokens: TaskTokens): Promise<void> {
  const { route, scope, client } = flow.call;
  flow.view =
    catalog.viewNow(route.provider, scope.principal, client.family) ??
    (await catalog.view(route.provider, scope.principal, client.family));
  const single = singleOf(flow, catalog);
  const reached = single === undefined || flow.rights.reaches(single);
  if (reached) requireFamily(catalog, route, client);
  // A provider alone that has never answered has nothing to show: saying so beats an empty list. Not to those who may
  // not use it: its state is none of their business.
  if (single !== undefined && !flow.view.providers.has(single) && reached)
    throw catalog.unavailableError(catalog.provider(single).id);
  flow.target = targetOf(flow, flow.view, catalog, tokens);
}

/** The provider of a route that serves one alone, under its own names. */
const singleOf = ({ call: { route } }: Flow, catalog: Catalog): string | undefined =>
  route.provider === undefined || catalog.group(route.provider) ? undefined : route.provider;

function targetOf(flow: Flow, view: View, catalog: Catalog, tokens: TaskTokens): CallTarget | undefined {
  const { method, params } = flow.call.request;
  switch (method) {
    case 'tools/call':
      return byName(flow, view, catalog, 'tool', requireText(params, 'name'));
    case 'prompts/get':
      return byName(flow, view, catalog, 'prompt', requireText(params, 'name'));
    case 'resources/read':
      return byUri(flow, view, catalog, requireText(params, 'uri'));
    case 'completion/complete':
      return byReference(flow, view, catalog, params['ref']);
    case 'tasks/get':
    case 'tasks/update':
    case 'tasks/cancel':
    case 'tasks/result':
      return byTask(flow, view, catalog, tokens);
    default:
      return undefined;
  }
}

function byName(flow: Flow, view: View, catalog: Catalog, kind: 'tool' | 'prompt', name: string): CallTarget {
  const found = kind === 'tool' ? view.tools.get(name) : view.prompts.get(name);
  if (!found) throw unknown(flow, catalog, kind, name);
  const { params } = flow.call.request;
  const provider = catalog.provider(found.provider);
  return {
    provider,
    kind,
    tool: kind === 'tool' ? found.item : undefined,
    facts: { args: argumentsOf(params), scopes: kind === 'tool' ? scopesOf(provider, found.name) : undefined },
    name: found.name,
    params: found.name === name ? params : { ...params, name: found.name },
    inputSchema: kind === 'tool' ? (found.item['inputSchema'] as JsonObject | undefined) : undefined,
    outputSchema: found.item['outputSchema'],
  };
}

/** Why a name is not there: its provider is away, or it is refused, or it does not exist. */
function unknown(flow: Flow, catalog: Catalog, kind: 'tool' | 'prompt', name: string) {
  const route = singleOf(flow, catalog);
  const separator = name.indexOf('__');
  const provider = route ?? (separator > 0 ? name.slice(0, separator) : undefined);
  const own = route === undefined ? name.slice(separator + 2) : name;
  // Asked before it is known whether there is such a provider: the refusal must not tell.
  if (provider !== undefined && !flow.rights.admits(provider, kind, own))
    return fail('SW_ACCESS_DENIED', { kind, name });
  if (provider !== undefined && catalog.has(provider) && !catalog.snapshotOf(provider))
    return catalog.unavailableError(provider);
  if (provider !== undefined && catalog.holds(provider, kind, own)) return fail('SW_PIN_DRIFT', { kind, name });
  return kind === 'tool' ? fail('SW_TOOL_UNKNOWN', { name }) : fail('SW_PROMPT_UNKNOWN', { name });
}

function byUri(flow: Flow, view: View, catalog: Catalog, uri: string): CallTarget {
  const found = view.resolveUri(uri);
  requireReleased(flow, catalog, found);
  const { params } = flow.call.request;
  return {
    provider: catalog.provider(found.provider),
    kind: 'resource',
    tool: undefined,
    facts: unknownArguments,
    name: found.uri,
    params: found.uri === uri ? params : { ...params, uri: found.uri },
    inputSchema: undefined,
    outputSchema: undefined,
  };
}

/** Not told to those who may not read it: admission has its say then. */
function requireReleased({ rights }: Flow, catalog: Catalog, { provider, uri }: { provider: string; uri: string }) {
  if (catalog.holds(provider, 'resource', uri) && rights.admits(provider, 'resource', uri))
    throw fail('SW_PIN_DRIFT', { kind: 'resource', name: uri });
}

/** completion/complete names a prompt or a resource template; its reference is given back the provider's own name. */
function byReference(flow: Flow, view: View, catalog: Catalog, reference: unknown): CallTarget {
  if (!isObject(reference)) throw fail('SW_PARAMS_INVALID', { reason: 'ref must be an object' });
  const { params } = flow.call.request;
  if (reference['type'] === 'ref/prompt') {
    const target = byName(flow, view, catalog, 'prompt', requireText(reference, 'name'));
    return { ...target, facts: unknownArguments, params: { ...params, ref: { ...reference, name: target.name } } };
  }
  if (reference['type'] !== 'ref/resource')
    throw fail('SW_PARAMS_INVALID', { reason: 'ref.type must be ref/prompt or ref/resource' });
  const uri = requireText(reference, 'uri');
  const template = view.templates.get(uri);
  const found = template ? { provider: template.provider, uri: template.name } : view.resolveUri(uri);
  requireReleased(flow, catalog, found);
  return {
    provider: catalog.provider(found.provider),
    kind: 'resource',
    tool: undefined,
    facts: unknownArguments,
    name: found.uri,
    params: { ...params, ref: { ...reference, uri: found.uri } },
    inputSchema: undefined,
    outputSchema: undefined,
  };
}

/** A task is reached by whom it was given to, through the admission of the call that made it. */
function byTask(flow: Flow, view: View, catalog: Catalog, tokens: TaskTokens): CallTarget | undefined {
  const { request, client, scope } = flow.call;
  const foreign = client.family === 'modern' ? 'tasks/result' : 'tasks/update';
  if (request.method === foreign || !view.offersTasks(client.family)) return undefined;
  if (client.family === 'modern') requireTasks(client);
  const found = tokens.open(scope.principal.id, requireText(request.params, 'taskId'));
  if (!found || !view.providers.has(found.provider)) throw fail('SW_TASK_UNKNOWN');
  const provider = catalog.provider(found.provider);
  return {
    provider,
    kind: 'tool',
    tool: undefined,
    // The arguments were those of the call that made the task, and were decided on then.
    facts: { scopes: scopesOf(provider, found.tool) },
    name: found.tool,
    params: { ...request.params, taskId: found.taskId },
    inputSchema: undefined,
    outputSchema: undefined,
  };
}

/** What is wrong with their shape is found when they are validated. */
const argumentsOf = ({ arguments: given }: JsonObject): JsonObject => (isObject(given) ? given : {});
/** A completion is for arguments that are not written yet, and a resource has none. */
const unknownArguments: Facts = {};
const scopesOf = (provider: Provider, tool: string): readonly string[] | undefined => provider.policyOf?.(tool)?.scopes;

function requireText(params: JsonObject, name: string): string {
  const value = params[name];
  if (typeof value !== 'string' || value === '')
    throw fail('SW_PARAMS_INVALID', { reason: `${name} must be a string` });
  return value;
}
