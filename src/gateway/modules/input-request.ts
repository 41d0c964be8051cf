import { z } from 'zod';
import { fail, type SeaworthyError } from '#kernel/errors/index.js';
import { isObject } from '#protocol/jsonrpc/index.js';
import { type inputCapability, type ClientFacts, type JsonObject } from '#protocol/model/index.js';

/** A question to the client, spelled as on the wire. */
export type InputRequest = { method: keyof typeof inputCapability; params: JsonObject };

/**
 * A call that goes on when the client has answered (2026-07-28, "multi round-trip requests"). Told by its `kind`, not
 * by its class: a module of your own may come with its own copy of this package.
 */
export interface InputRequired {
  readonly kind: 'input-required';
  readonly requests: Readonly<Record<string, InputRequest>>;
  readonly state: unknown;
}

export const isInputRequired = (value: unknown): value is InputRequired =>
  isObject(value) && value['kind'] === 'input-required';

/**
 * Ends this round: the client answers under the same keys and calls again; the next `run` finds the answers in
 * `call.responses` and `state` (any JSON value; sealed, bound to caller, tool and arguments, valid for ten minutes) in
 * `call.state`. Written once, it serves clients of both families.
 */
export function inputRequired(requests: Readonly<Record<string, InputRequest>>, state?: unknown): InputRequired {
  return { kind: 'input-required', requests, state };
}

/**
 * Asks the user to fill in a form. `schema` is a flat object of primitive fields: a zod object, or JSON Schema where a
 * form needs what zod cannot say (titled choices).
 */
export function elicit(message: string, schema: z.ZodObject | { readonly jsonSchema: JsonObject }): InputRequest {
  const requestedSchema = 'jsonSchema' in schema ? schema.jsonSchema : formSchema(schema);
  return { method: 'elicitation/create', params: { message, requestedSchema } };
}

/** Sends the user to a page. Acceptance only means that the user agreed to open it. */
export function elicitUrl(message: string, url: string, elicitationId?: string): InputRequest {
  const params: JsonObject = { mode: 'url', message, url };
  if (elicitationId !== undefined) params['elicitationId'] = elicitationId;
  return { method: 'elicitation/create', params };
}

/** Parameters of `sampling/createMessage`, spelled as on the wire. */
export type SampleRequest = { messages: JsonObject[]; maxTokens: number } & JsonObject;

/** Asks the client's model. A text is one user message; `maxTokens` then defaults to 1000. */
export function sample(prompt: string | SampleRequest, maxTokens = 1000): InputRequest {
  const params =
    typeof prompt === 'string'
      ? { messages: [{ role: 'user', content: { type: 'text', text: prompt } }], maxTokens }
      : prompt;
  return { method: 'sampling/createMessage', params };
}

/** Asks which directories the client works in. */
export function listRoots(): InputRequest {
  return { method: 'roots/list', params: {} };
}

/** Forms carry neither a dialect nor `additionalProperties`: the protocol's form schema has no place for them. */
function formSchema(schema: z.ZodObject): JsonObject {
  const { $schema: _dialect, additionalProperties: _closed, ...form } = z.toJSONSchema(schema, { io: 'input' });
  return form;
}

/** A kind of input a client may have declared. `elicitation` means forms. */
export type InputKind = 'elicitation' | 'elicitation.url' | 'sampling' | 'sampling.tools' | 'roots';

/** True where the client declared that it can answer this kind of question. */
export function canAnswer({ capabilities }: ClientFacts, kind: InputKind): boolean {
  const [name, part] = kind.split('.') as [string, string?];
  const declared = capabilities[name];
  if (typeof declared !== 'object' || declared === null) return false;
  if (part !== undefined) return isDeclared(declared, part);
  // An empty elicitation capability means forms; with members, `form` must be one of them.
  return name !== 'elicitation' || !isDeclared(declared, 'url') || isDeclared(declared, 'form');
}

const isDeclared = (capability: object, part: string): boolean =>
  typeof (capability as Record<string, unknown>)[part] === 'object';

/** The kind of input a request asks for. */
export function kindOf({ method, params }: InputRequest): InputKind {
  if (method === 'elicitation/create') return params['mode'] === 'url' ? 'elicitation.url' : 'elicitation';
  if (method === 'roots/list') return 'roots';
  return params['tools'] === undefined ? 'sampling' : 'sampling.tools';
}

/** The error that names every capability the requests need and the client lacks; undefined where it lacks none. */
export function missingCapabilities(
  client: ClientFacts,
  requests: Readonly<Record<string, InputRequest>>,
): SeaworthyError | undefined {
  const required: Record<string, Record<string, object>> = {};
  for (const request of Object.values(requests)) {
    const kind = kindOf(request);
    if (canAnswer(client, kind)) continue;
    const [name, part] = kind.split('.') as [string, string?];
    const capability = (required[name] ??= {});
    if (part !== undefined) capability[part] = {};
  }
  if (Object.keys(required).length === 0) return undefined;
  return fail('SW_CAPABILITY_MISSING', { requiredCapabilities: required });
}
