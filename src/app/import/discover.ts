import { loadConfig } from '#kernel/config/index.js';
import { reasonOf } from '#kernel/errors/index.js';
import { createSealer, KnownSecrets, memoryKeyRing } from '#kernel/secrets/index.js';
import { createMetrics, silentLogger } from '#kernel/telemetry/index.js';
import type { Provider, ProviderSnapshot } from '#gateway/catalog/index.js';
import { HttpPools } from '#protocol/client/index.js';
import { rootConfig } from '../config.js';
import { makeProviders, type ConfiguredProvider } from '../providers.js';
import { packageVersion } from '../version.js';
import type { ImportedServer } from './read-client-config.js';

/** What a server said of itself, or why it did not. */
export type Discovery =
  | { readonly kind: 'found'; readonly snapshot: ProviderSnapshot; readonly ms: number }
  | { readonly kind: 'failed'; readonly reason: string; readonly ms: number };

export interface DiscoverOptions {
  /** Relative paths of the servers are read from here. */
  readonly baseDir: string;
  /** With the secrets that were found in the clients' files. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Called as each server has answered or failed. */
  readonly onDone: (server: ImportedServer, discovery: Discovery) => void;
}

/** A package that npx has to fetch first takes its time; only here does anybody wait that long. */
const connectTimeoutMs = 60_000;

/** Servers started at once: each is a process that loads its own packages. */
const width = 4;

/** Starts each server just as the gateway will, reads all its lists, and stops it. Never rejects for a server's sake. */
export async function discover(
  servers: readonly ImportedServer[],
  options: DiscoverOptions,
): Promise<ReadonlyMap<string, Discovery>> {
  const found = new Map<string, Discovery>();
  const waiting = [...servers];
  const work = async () => {
    for (let server = waiting.shift(); server; server = waiting.shift()) {
      const discovery = await discoverOne(server, options);
      found.set(server.id, discovery);
      options.onDone(server, discovery);
    }
  };
  await Promise.all(Array.from({ length: width }, work));
  return found;
}

async function discoverOne(server: ImportedServer, options: DiscoverOptions): Promise<Discovery> {
  const startedAt = performance.now();
  const ms = () => Math.round(performance.now() - startedAt);
  try {
    const provider = await providerOf(server, options);
    try {
      const snapshot = await provider.refresh();
      return { kind: 'found', snapshot, ms: ms() };
    } finally {
      await provider.stop();
    }
  } catch (error) {
    return { kind: 'failed', reason: failureOf(error), ms: ms() };
  }
}

async function providerOf(
  { id, definition }: ImportedServer,
  { baseDir, environment }: DiscoverOptions,
): Promise<Provider> {
  const text = JSON.stringify({ mcpServers: { [id]: { ...definition, connectTimeoutMs } } });
  const { config } = loadConfig(rootConfig, { text, environment });
  const made = await makeProviders({
    config,
    baseDir,
    dataDir: baseDir,
    logger: silentLogger,
    metrics: createMetrics({ version: packageVersion }),
    sealer: createSealer(memoryKeyRing(), 'discovery'),
    secrets: new KnownSecrets(),
    environment,
    modules: {},
    storage: undefined,
    budget: undefined,
    pools: new HttpPools(),
    processes: undefined,
  });
  // One server went in, one comes out.
  return (made.get(id) as ConfiguredProvider).provider;
}

/** One line for a table and a comment. */
function failureOf(error: unknown): string {
  const text = reasonOf(error).replace(/\s+/g, ' ').trim();
  return text.length > 300 ? `${text.slice(0, 299)}…` : text;
}
