import { z } from 'zod';
import { checkModuleId } from '#kernel/module/index.js';
import type { ModuleEnvironment } from '../context.js';
import { parseConfig, type Module, type ModuleDefinition } from '../definition.js';
import type { SdkServer } from './server-connection.js';

/** A server of the official SDK as a module. */
export interface SdkServerOptions<Config> extends Pick<ModuleDefinition<Config>, 'id' | 'doc'> {
  /** Default: no settings. */
  readonly config?: ModuleDefinition<Config>['config'];
  /**
   * Makes a server that is not connected yet: `McpServer` or `Server` of the SDK, 1.x or 2.x. Called once for the
   * lists, and once for each client, so that no client sees another one's state.
   */
  server(environment: ModuleEnvironment, config: Config): SdkServer | Promise<SdkServer>;
}

/**
 * Mounts a server written with the official SDK. It runs in this process and is spoken to in the legacy family (one
 * `initialize` for each client); the gateway serves it to clients of both families.
 * @throws SW_MODULE_INVALID for a malformed id
 */
export function fromSdkServer<Config>(options: SdkServerOptions<Config>): Module {
  const { id, doc, config = z.strictObject({}) } = options;
  checkModuleId(id);
  return {
    kind: 'module',
    id,
    doc,
    version: undefined,
    instructions: undefined,
    scopes: {},
    config,
    configure(value) {
      // Sound: without a `config` of its own a server takes the empty one.
      const parsed = parseConfig<unknown>(id, config, value) as Config;
      return { kind: 'sdk-server', makeServer: (environment) => options.server(environment, parsed) };
    },
  };
}
