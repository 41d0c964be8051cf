import { isObject } from '../jsonrpc/index.js';
import type { JsonObject } from './model.js';

/** What a server may ask a client: the capability that the client must have declared for it. */
export const inputCapability = {
  'elicitation/create': 'elicitation',
  'sampling/createMessage': 'sampling',
  'roots/list': 'roots',
} as const;

/** A question of a server to a client. */
export interface InputQuestion {
  readonly method: string;
  readonly params: JsonObject;
}

/** The capability that a question needs; undefined for what is no question to a client. */
export const capabilityOf = (method: string): string | undefined =>
  Object.hasOwn(inputCapability, method) ? inputCapability[method as keyof typeof inputCapability] : undefined;

/**
 * Whether a client that declared `capabilities` can be asked this. Elicitation without `form` and `url` means forms
 * (2025-11-25, client/elicitation), also where other members are there: older clients send some of their own.
 */
export function canBeAsked(capabilities: JsonObject, { method, params }: InputQuestion): boolean {
  const name = capabilityOf(method);
  const declared = name === undefined ? undefined : capabilities[name];
  if (!isObject(declared)) return false;
  if (method === 'elicitation/create') {
    const member = modeOf(params);
    return isObject(declared[member]) || (member === 'form' && !('form' in declared) && !('url' in declared));
  }
  return method !== 'sampling/createMessage' || !usesTools(params) || isObject(declared['tools']);
}

/** The least that a client must declare to be asked all of these, in the shape of its capabilities. */
export function capabilitiesFor(questions: readonly InputQuestion[]): JsonObject {
  const needed: Record<string, JsonObject> = {};
  for (const { method, params } of questions) {
    const name = capabilityOf(method);
    if (name === undefined) continue;
    needed[name] ??= {};
    if (method === 'elicitation/create') needed[name][modeOf(params)] = {};
    if (method === 'sampling/createMessage' && usesTools(params)) needed[name]['tools'] = {};
  }
  return needed;
}

const modeOf = (params: JsonObject): 'form' | 'url' => (params['mode'] === 'url' ? 'url' : 'form');
const usesTools = (params: JsonObject): boolean => params['tools'] !== undefined || params['toolChoice'] !== undefined;
