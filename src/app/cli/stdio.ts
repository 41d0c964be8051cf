import { readEnvironment } from '#kernel/config/index.js';
import { serveStdio } from '../serve/index.js';
import { loadSettings } from '../settings.js';
import { exitCodes } from './failure.js';
import { commandLogger } from './logging.js';
import type { Terminal } from './terminal.js';

interface StdioOptions {
  readonly config?: string;
  readonly provider?: string;
  readonly logLevel?: string;
}

export async function action(_terminal: Terminal, options: StdioOptions): Promise<number> {
  const environment = readEnvironment();
  const settings = loadSettings({ file: options.config, environment });
  const logger = commandLogger(settings.config, options.logLevel);
  // A client that goes away closes stdin first, and then some send SIGTERM: both end in the same clean stop.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.stdin.destroy());
  await serveStdio(settings, { logger, environment, provider: options.provider });
  return exitCodes.ok;
}
