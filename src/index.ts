import type { IncomingMessage, ServerResponse } from 'node:http';
import { loadConfig, readEnvironment } from '#kernel/config/index.js';
import { createLogger, type Logger } from '#kernel/telemetry/index.js';
import type { Authenticator } from '#gateway/auth/index.js';
import type { Module } from '#gateway/modules/index.js';
import { compose } from './app/compose.js';
import { rootConfig } from './app/config.js';
import { mcpEndpoint } from './app/serve/index.js';

/** What `createServer` takes. */
export interface ServerOptions {
  /** The same settings as in `seaworthy.yaml`; `server.host` and `server.port` are not used. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Modules of the program, each served under its id. */
  readonly modules?: readonly Module[];
  /** Who calls, where the program knows. Default: API keys, or nobody in particular with `auth.mode: none`. */
  readonly authenticator?: Authenticator;
  readonly logger?: Logger;
}

/** A gateway without a listener: mount `handle` where requests arrive. */
export interface SeaworthyServer {
  /** True for the paths that belong to MCP (`/mcp`, `/mcp/{provider}`). */
  owns(path: string): boolean;
  /** Answers one request whose body nobody has read. */
  handle(request: IncomingMessage, response: ServerResponse): void;
  /** Connect-style middleware: takes the MCP paths and passes the rest on (Express, Connect, Polka). */
  readonly middleware: (request: IncomingMessage, response: ServerResponse, next: () => void) => void;
  /** The first API key, where this start made it. */
  readonly apiKey: string | undefined;
  /** Ends streams, waits for calls in flight, releases everything. */
  close(): Promise<void>;
}

/**
 * Builds the gateway for use inside a program: the same guards, policy and limits as `seaworthy serve`.
 * @throws SW_CONFIG_INVALID, SW_MODULE_INVALID, SW_STORAGE_UNAVAILABLE
 */
export async function createServer(options: ServerOptions = {}): Promise<SeaworthyServer> {
  const environment = readEnvironment();
  const modules = Object.fromEntries((options.modules ?? []).map((module) => [module.id, module]));
  const named = { ...Object.fromEntries(Object.keys(modules).map((id) => [id, {}])), ...modulesOf(options.config) };
  const text = JSON.stringify({ ...options.config, modules: named });
  const { config } = loadConfig(rootConfig, { text, environment, flags: {} });
  const gateway = await compose(config, {
    logger: options.logger ?? createLogger({ level: config.log.level, destination: 'stderr' }),
    baseDir: process.cwd(),
    environment,
    modules,
    authenticator: options.authenticator,
  });
  const mcp = mcpEndpoint(gateway);
  const keyless = config.auth.mode === 'none' || options.authenticator !== undefined;
  const apiKey = keyless ? undefined : await gateway.makeFirstKey();
  return {
    owns: (path) => mcp.owns(path),
    handle: (request, response) => {
      mcp.handle(request, response);
    },
    middleware: (request, response, next) => {
      if (mcp.owns(request.url ?? '/')) mcp.handle(request, response);
      else next();
    },
    apiKey,
    async close() {
      mcp.drain();
      await gateway.drain();
      mcp.stop();
      await gateway.stop();
    },
  };
}

const modulesOf = (config: ServerOptions['config']): object => {
  const modules = config?.['modules'];
  return typeof modules === 'object' && modules !== null ? modules : {};
};

export { defineModule } from './module.js';
export { fromSdkServer } from '#gateway/modules/index.js';
export { SeaworthyError } from '#kernel/errors/index.js';
export type { Authenticator } from '#gateway/auth/index.js';
export type { Module } from '#gateway/modules/index.js';
export type { Principal } from '#kernel/context/index.js';
export type { Logger } from '#kernel/telemetry/index.js';
