import { routingOf } from '../routing.js';
import { loadSettings } from '../settings.js';
import { exitCodes } from './failure.js';
import type { Terminal } from './terminal.js';

/** What is wrong is shown as any other failure: SW_CONFIG_INVALID names every problem. */
export async function action(terminal: Terminal, options: { readonly config?: string }): Promise<number> {
  const { file, config } = loadSettings({ file: options.config });
  const { compilePolicy } = await import('#gateway/policy/index.js');
  compilePolicy(config.access, { scopes: config.scopes });
  routingOf(config);
  const servers = Object.keys(config.mcpServers).length;
  const modules = Object.keys(config.modules).length;
  terminal.result(
    { valid: true, file: file ?? null, servers, modules },
    () => `${file ?? 'The embedded default'} is valid: ${servers} server(s), ${modules} module(s).`,
  );
  return exitCodes.ok;
}
