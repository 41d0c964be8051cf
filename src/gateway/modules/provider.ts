import type { ModuleEnvironment } from './context.js';
import type { Module } from './definition.js';
import { InProcessProvider } from './in-process-provider.js';
import type { ModuleProvider } from './module-provider.js';
import { SdkServerProvider } from './sdk/sdk-server-provider.js';

/**
 * Makes a provider of a module. Parses the configuration; nothing else happens before `start` (or `provision`), which
 * rejects where the module cannot be provisioned.
 * @throws SW_CONFIG_INVALID
 */
export function moduleProvider(module: Module, config: unknown, environment: ModuleEnvironment): ModuleProvider {
  const configured = module.configure(config);
  return configured.kind === 'sdk-server'
    ? new SdkServerProvider(module.id, configured, environment)
    : new InProcessProvider(module, configured, environment);
}
