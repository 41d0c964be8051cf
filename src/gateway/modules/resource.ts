import type { JsonObject } from '#protocol/model/index.js';
import type { ModuleCall } from './call.js';
import type { ContentBlock, ResourceContents } from './content.js';
import type { InputRequired } from './input-request.js';
import type { Icon } from './tool.js';

/** How long a client may keep an answer. */
export interface CacheHint {
  /** Milliseconds; 0 (default): not at all. */
  readonly ttlMs?: number;
  /** `private` (default): one caller's. `public`: everybody's. */
  readonly cacheScope?: 'public' | 'private';
}

/** What `read` may return: a text, bytes, contents as on the wire, or a question back. */
export type ReadReturn = string | Uint8Array | ResourceContents[] | InputRequired;

interface Described {
  /** For programs; unique within its list. */
  name: string;
  /** For people. */
  title?: string;
  description?: string;
  mimeType?: string;
  annotations?: JsonObject;
  /** `_meta`, as listed. */
  meta?: JsonObject;
  icons?: readonly Icon[];
  /** For what `read` returns. */
  cache?: CacheHint;
}

export interface ResourceDefinition extends Described {
  uri: string;
  /** Bytes, where known. */
  size?: number;
  read(call: ModuleCall): ReadReturn | Promise<ReadReturn>;
}

/** Offers values for what the user is typing; the best first. More than 100 are cut. */
export type Complete = (
  prefix: string,
  /** The arguments filled in so far. */
  context: Readonly<Record<string, string>>,
) => readonly string[] | Promise<readonly string[]>;

export interface ResourceTemplateDefinition extends Described {
  /** RFC 6570: `{name}`, and at most one `{+name}`. */
  uriTemplate: string;
  /** Completion by variable. */
  complete?: Readonly<Record<string, Complete>>;
  /** Resources of this kind that `resources/list` shows. Read anew on `ctx.changed('resources')`. */
  list?(): readonly ListedResource[] | Promise<readonly ListedResource[]>;
  /** Throw `fail('SW_RESOURCE_UNKNOWN', { uri })` where there is none. */
  read(vars: Readonly<Record<string, string>>, call: ModuleCall, uri: string): ReadReturn | Promise<ReadReturn>;
}

/** A resource as `resources/list` shows it, spelled as on the wire. */
export type ListedResource = { uri: string; name: string } & JsonObject;

export interface PromptArgument {
  name: string;
  title?: string;
  description: string;
  required?: boolean;
  complete?: Complete;
}

/** A message of a prompt, spelled as on the wire. */
export type PromptMessage = { role: 'user' | 'assistant'; content: ContentBlock };

/** What `get` may return: one user message, messages, a result as on the wire, or a question back. */
export type PromptReturn =
  string | PromptMessage[] | { description?: string; messages: PromptMessage[] } | InputRequired;

export interface PromptDefinition extends Omit<Described, 'mimeType' | 'annotations' | 'cache'> {
  arguments?: readonly PromptArgument[];
  get(args: Readonly<Record<string, string>>, call: ModuleCall): PromptReturn | Promise<PromptReturn>;
}

/** Declares a resource with a fixed URI. */
export const resource = (definition: ResourceDefinition): ResourceDefinition => definition;

/** Declares resources by URI template. */
export const resourceTemplate = (definition: ResourceTemplateDefinition): ResourceTemplateDefinition => definition;

/** Declares a prompt. Its arguments are strings; missing required ones are refused before `get`. */
export const prompt = (definition: PromptDefinition): PromptDefinition => definition;
