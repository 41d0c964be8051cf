import type { z } from 'zod';
import type { JsonObject } from '#protocol/model/index.js';
import type { ModuleCall } from './call.js';
import type { ToolReturn } from './content.js';
import type { RawSchema } from './schema.js';

/** Hints for clients and for the gateway's policy. Unset ones mean what the protocol says: assume the worst. */
export type ToolAnnotations = {
  title?: string;
  /** It changes nothing. Protocol default: false. */
  readOnlyHint?: boolean;
  /** It may overwrite or delete. Protocol default: true. */
  destructiveHint?: boolean;
  /** Calling it twice does no more than once. Protocol default: false. */
  idempotentHint?: boolean;
  /** It reaches beyond this server. Protocol default: true. */
  openWorldHint?: boolean;
};

export type Icon = { src: string; mimeType?: string; sizes?: string[]; theme?: 'light' | 'dark' };

type InputSchema = z.ZodObject | RawSchema;

/** What `run` gets: the parsed output of the zod schema, or the arguments as they came. */
export type ArgumentsOf<Input> = Input extends z.ZodType ? z.output<Input> : JsonObject;

export interface ToolOptions<Input extends InputSchema> {
  /** 1 to 64 of `A-Z a-z 0-9 _ . / -`. */
  name: string;
  title?: string;
  /** What it does and when to use it, for a model. */
  description: string;
  /** A zod object, or any 2020-12 JSON Schema with an object at its root. Checked before `run`. */
  input: Input;
  /** Schema of `structuredContent`. A result that does not fit is a bug of the module. */
  output?: z.ZodType | RawSchema;
  annotations: ToolAnnotations;
  /** Scopes of the module (`id:…`) that a caller needs. Default: none. */
  scopes?: readonly string[];
  /** Time budget, milliseconds. Default: the gateway's. */
  timeoutMs?: number;
  /** Budget for content blocks, bytes. Default: the gateway's. */
  maxResultBytes?: number;
  /** The question that the user must accept before `run`; a client that cannot ask its user may not call. */
  confirm?: string | ((args: ArgumentsOf<Input>) => string);
  /** `_meta` of the tool, as listed. */
  meta?: JsonObject;
  icons?: readonly Icon[];
  /** Does the work. A thrown `fail('SW_…')` becomes a result with `isError`; anything else is logged as a bug. */
  run(args: ArgumentsOf<Input>, call: ModuleCall): ToolReturn | Promise<ToolReturn>;
}

/** A tool whose argument type is known to its schema only. */
export type ToolDefinition = Omit<ToolOptions<InputSchema>, 'run' | 'confirm'> & {
  confirm?: string | ((args: JsonObject) => string);
  run(args: JsonObject, call: ModuleCall): ToolReturn | Promise<ToolReturn>;
};

/** Declares a tool; `run` is typed by its input schema. */
export function tool<Input extends InputSchema>(options: ToolOptions<Input>): ToolDefinition {
  // Sound: `run` and `confirm` are only called with what `options.input` has parsed.
  return options as unknown as ToolDefinition;
}
