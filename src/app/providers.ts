import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ByteBudget } from '#kernel/context/index.js';
import { fail, reasonOf } from '#kernel/errors/index.js';
import {
  isSecretReference,
  looksSecret,
  namesSecret,
  resolveSecret,
  type KnownSecrets,
  type Sealer,
} from '#kernel/secrets/index.js';
import type { Storage } from '#kernel/storage/index.js';
import type { Logger, Metrics } from '#kernel/telemetry/index.js';
import { systemClock } from '#kernel/time/index.js';
import type { Provider } from '#gateway/catalog/index.js';
import { moduleProvider, type Module } from '#gateway/modules/index.js';
import { createUpstream, type ChildSlots, type UpstreamConfig } from '#gateway/upstreams/index.js';
import type { HttpPools } from '#protocol/client/index.js';
import { builtinModules } from './builtin-modules.js';
import type { Config, McpServerConfig } from './config.js';
import { requireName } from './routing.js';

export interface ProviderParts {
  readonly config: Config;
  /** Relative paths in the configuration are read from here. */
  readonly baseDir: string;
  readonly dataDir: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly sealer: Sealer;
  /** Told of every secret that a provider is given. */
  readonly secrets: KnownSecrets;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly storage: Storage | undefined;
  readonly budget: ByteBudget | undefined;
  /** Connections that upstreams of one origin share. */
  readonly pools: HttpPools;
  /** Counts the child processes of all servers. */
  readonly processes: ChildSlots | undefined;
  /** Modules that a program brings along, besides the built-in ones. */
  readonly modules: Readonly<Record<string, Module>>;
}

/** A provider and what it was made from: the same digest means that it can go on after a reload. */
export interface ConfiguredProvider {
  readonly digest: string;
  readonly provider: Provider;
}

/**
 * Makes every provider that the configuration names, in its order; one whose configuration did not change since
 * `before` is taken over as it is.
 * @throws SW_CONFIG_INVALID, SW_MODULE_INVALID, SW_SECRET_UNAVAILABLE
 */
export async function makeProviders(
  parts: ProviderParts,
  before: ReadonlyMap<string, ConfiguredProvider> = new Map(),
): Promise<Map<string, ConfiguredProvider>> {
  const made = new Map<string, ConfiguredProvider>();
  const add = async (id: string, settings: unknown, make: () => Promise<Provider>) => {
    requireName(id);
    if (made.has(id)) throw fail('SW_CONFIG_INVALID', { reason: `${id} is both a server and a module` });
    const digest = digestOf(settings);
    const known = before.get(id);
    made.set(id, known?.digest === digest ? known : { digest, provider: await make() });
  };
  for (const [id, settings] of Object.entries(parts.config.mcpServers))
    if (!settings.disabled)
      await add(id, upstreamSettings(settings, parts.config), () => makeUpstream(id, settings, parts));
  for (const [id, settings] of Object.entries(parts.config.modules))
    await add(id, settings, () => makeModule(id, settings, parts));
  return made;
}

/** Everything that an upstream is made from: when any of it changes, another one is made. */
const upstreamSettings = (settings: McpServerConfig, { bridge, limits, lists }: Config): unknown => {
  const { pageSize: _pageSize, coldWaitMs: _coldWaitMs, onFailure: _onFailure, ...reading } = lists;
  const { pins: _pins, ...own } = settings;
  return [own, limits.maxResultBytes, reading, bridge.enabled];
};

async function makeUpstream(id: string, settings: McpServerConfig, parts: ProviderParts): Promise<Provider> {
  const { lists } = parts.config;
  return createUpstream(id, await upstreamConfigOf(id, settings, parts), {
    logger: parts.logger,
    metrics: parts.metrics,
    environment: parts.environment,
    budget: parts.budget,
    processes: parts.processes,
    limits: { maxListItems: lists.maxItems, maxListBytes: lists.maxBytes },
    lists,
    pools: parts.pools,
  });
}

/** @throws SW_CONFIG_INVALID unless exactly one of command and url is there */
async function upstreamConfigOf(id: string, settings: McpServerConfig, parts: ProviderParts): Promise<UpstreamConfig> {
  const { command, url, type } = settings;
  const common = {
    bridge: settings.bridge && parts.config.bridge.enabled,
    connectTimeoutMs: settings.connectTimeoutMs,
    breaker: settings.breaker,
    idleMs: settings.idleMs,
    interactive: settings.interactive,
    interactivePool: settings.interactivePool,
    listTimeoutMs: settings.listTimeoutMs ?? parts.config.lists.timeoutMs,
    maxResultBytes: settings.maxResultBytes ?? parts.config.limits.maxResultBytes,
  };
  if ((command === undefined) === (url === undefined))
    throw fail('SW_CONFIG_INVALID', { reason: `mcpServers.${id} needs either command or url` });
  if (command !== undefined) {
    const env = await resolveAll(settings.env, parts);
    return {
      ...common,
      command,
      args: settings.args,
      env,
      secrets: Object.entries(settings.env).flatMap(([name, value]) =>
        isSecretReference(value) && env[name] ? [env[name]] : [],
      ),
      sharing: settings.sharing,
      start: settings.start,
      maxProcesses: settings.maxProcesses,
      maxMemoryBytes: settings.maxMemoryBytes,
      cwd: settings.cwd === undefined ? parts.baseDir : resolve(parts.baseDir, settings.cwd),
    };
  }
  return {
    ...common,
    url: url as string,
    headers: await resolveAll(settings.headers, parts),
    type: type === 'sse' ? 'sse' : 'http',
    network: settings.network,
    http2: settings.http2,
    ca: await certificatesOf(id, settings.caFile, parts),
    maxConnections: settings.maxConnections,
    keepAliveMaxMs: settings.keepAliveMaxMs,
    headersTimeoutMs: settings.headersTimeoutMs,
    idleTimeoutMs: settings.idleTimeoutMs,
  };
}

async function certificatesOf(id: string, file: string | undefined, { baseDir }: ProviderParts) {
  if (file === undefined) return undefined;
  try {
    return await readFile(resolve(baseDir, file), 'utf8');
  } catch (cause) {
    throw fail('SW_CONFIG_INVALID', { reason: `mcpServers.${id}.caFile: ${reasonOf(cause)}` }, cause);
  }
}

/** Values that are references become the secrets they name. */
async function resolveAll(
  values: Readonly<Record<string, string>>,
  { environment, secrets }: ProviderParts,
): Promise<Record<string, string>> {
  const resolved = await Promise.all(
    Object.entries(values).map(async ([name, value]) => {
      if (!isSecretReference(value)) {
        if (namesSecret(name) || looksSecret(value)) secrets.add(value);
        return [name, value] as const;
      }
      const resolved = (await resolveSecret(value, environment)).reveal();
      secrets.add(resolved);
      return [name, resolved] as const;
    }),
  );
  return Object.fromEntries(resolved);
}

async function makeModule(id: string, settings: Record<string, unknown>, parts: ProviderParts): Promise<Provider> {
  const { path, ...config } = settings;
  const module = await loadModule(id, path, parts);
  return moduleProvider(module, config, {
    log: parts.logger.child({ module: id }),
    clock: systemClock,
    dataDir: resolve(parts.dataDir, 'modules', id),
    sealer: parts.sealer,
    storage: parts.storage,
  });
}

async function loadModule(id: string, path: unknown, { baseDir, modules }: ProviderParts): Promise<Module> {
  if (path === undefined) {
    const brought = modules[id];
    if (brought) return brought;
    const load = builtinModules[id];
    if (!load) {
      const known = Object.keys(builtinModules).join(', ');
      throw fail('SW_CONFIG_INVALID', {
        reason: `modules.${id} is not built in (there are: ${known}) and has no path`,
      });
    }
    return load();
  }
  if (typeof path !== 'string') throw fail('SW_CONFIG_INVALID', { reason: `modules.${id}.path must be a string` });
  let loaded: { default?: unknown };
  try {
    loaded = (await import(pathToFileURL(resolve(baseDir, path)).href)) as { default?: unknown };
  } catch (cause) {
    throw fail('SW_MODULE_INVALID', { module: id, reason: reasonOf(cause) }, cause);
  }
  const module = loaded.default as Partial<Module> | undefined;
  if (module?.kind !== 'module')
    throw fail('SW_MODULE_INVALID', { module: id, reason: 'it does not export a module as default' });
  if (module.id !== id) throw fail('SW_MODULE_INVALID', { module: id, reason: `its id is ${String(module.id)}` });
  return module as Module;
}

/** Tells whether two settings are the same, without keeping their secrets. */
export const digestOf = (settings: unknown): string =>
  createHash('sha256').update(JSON.stringify(settings)).digest('base64url');
