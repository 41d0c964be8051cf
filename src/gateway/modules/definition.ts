import type { z } from 'zod';
import { fail } from '#kernel/errors/index.js';
import { checkModuleId } from '#kernel/module/index.js';
import type { MetricSample, ProviderHealth } from '#gateway/catalog/index.js';
import type { ModuleContext, ModuleEnvironment } from './context.js';
import type { CacheHint, PromptDefinition, ResourceDefinition, ResourceTemplateDefinition } from './resource.js';
import type { SdkServer } from './sdk/server-connection.js';
import type { ToolDefinition } from './tool.js';

/** A list, or the way to read it anew after `ctx.changed`. */
export type ListOf<Item> = readonly Item[] | (() => readonly Item[] | Promise<readonly Item[]>);

/** What a completion is for: a prompt's argument or a template's variable. */
export interface CompletionTarget {
  readonly kind: 'prompt' | 'resourceTemplate';
  /** Name of the prompt, or the URI template. */
  readonly of: string;
  readonly argument: string;
}

/** What a module offers once it is provisioned, and the rest of its life. */
export interface Provisioned {
  readonly tools?: ListOf<ToolDefinition>;
  readonly prompts?: ListOf<PromptDefinition>;
  readonly resources?: ListOf<ResourceDefinition>;
  readonly resourceTemplates?: ListOf<ResourceTemplateDefinition>;
  /** How long clients may keep each list. The most careful of them holds for all. */
  readonly cache?: Readonly<Partial<Record<'tools' | 'prompts' | 'resources' | 'resourceTemplates', CacheHint>>>;
  /** Completes what the prompts and templates do not complete themselves. */
  complete?(
    target: CompletionTarget,
    prefix: string,
    context: Readonly<Record<string, string>>,
  ): readonly string[] | Promise<readonly string[]>;
  /** Called often: answers from what is known. Default: healthy. */
  health?(): ProviderHealth;
  metrics?(): readonly MetricSample[];
  /** Begins work. Nothing before it may have an effect outside of memory. */
  start?(): Promise<void> | void;
  /** Called when no call is in flight any more. */
  drain?(): Promise<void> | void;
  stop?(): Promise<void> | void;
}

export interface ModuleDefinition<Config> {
  /** `^[a-z][a-z0-9-]{0,31}$`: configuration key, log name, metric label, prefix of scopes and names. */
  readonly id: string;
  /** One sentence: what it is for. */
  readonly doc: string;
  /** Shown to clients. Default: the gateway's. */
  readonly version?: string;
  /** How to use it, for a model. */
  readonly instructions?: string;
  /** Strict: `field.section({ … })`, or any zod schema that refuses unknown keys. */
  readonly config: z.ZodType<Config>;
  /** Scope (`id:…`) to one sentence: what it permits. */
  readonly scopes?: Readonly<Record<string, string>>;
  provision(ctx: ModuleContext, config: Config): Provisioned | Promise<Provisioned>;
}

/** A module: a server that runs in this process. Made by `defineModule`; has no effect until it is provisioned. */
export interface Module {
  readonly kind: 'module';
  readonly id: string;
  readonly doc: string;
  readonly version: string | undefined;
  readonly instructions: string | undefined;
  readonly scopes: Readonly<Record<string, string>>;
  /** What parses the configuration: the source of its JSON Schema and reference page. */
  readonly config: z.ZodType;
  /** @throws SW_CONFIG_INVALID with the path and the problem */
  configure(config: unknown): ConfiguredModule;
}

/** A module with a configuration that fits: on our contract, or a server of the official SDK. */
export type ConfiguredModule =
  | { readonly kind: 'contract'; provision(ctx: ModuleContext): Provisioned | Promise<Provisioned> }
  | { readonly kind: 'sdk-server'; makeServer(environment: ModuleEnvironment): SdkServer | Promise<SdkServer> };

/**
 * Declares a module. No side effects.
 * @throws SW_MODULE_INVALID for a malformed id, and for a scope without the id as its prefix
 */
export function defineModule<Config>(definition: ModuleDefinition<Config>): Module {
  const { id, doc, version, instructions, config, scopes = {} } = definition;
  checkModuleId(id);
  for (const scope of Object.keys(scopes))
    if (!scope.startsWith(`${id}:`))
      throw fail('SW_MODULE_INVALID', { module: id, reason: `scope ${scope} does not begin with ${id}:` });
  return {
    kind: 'module',
    id,
    doc,
    version,
    instructions,
    scopes,
    config,
    configure(value) {
      const parsed = parseConfig(id, config, value);
      return { kind: 'contract', provision: (ctx) => definition.provision(ctx, parsed) };
    },
  };
}

/** @throws SW_CONFIG_INVALID with the path and the problem */
export function parseConfig<Config>(id: string, schema: z.ZodType<Config>, value: unknown): Config {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const path = ['modules', id, ...(issue?.path ?? [])].join('.');
  throw fail('SW_CONFIG_INVALID', { reason: `${path}: ${issue?.message}` }, parsed.error);
}
