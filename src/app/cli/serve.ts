import { relative } from 'node:path';
import { diffConfig, readEnvironment, watchFile } from '#kernel/config/index.js';
import { toSeaworthyError } from '#kernel/errors/index.js';
import type { Logger } from '#kernel/telemetry/index.js';
import { rootConfig } from '../config.js';
import { serve, type RunningServer } from '../serve/index.js';
import { loadSettings, type Settings, type SettingsOptions } from '../settings.js';
import { packageVersion } from '../version.js';
import { connectionHelp } from './connection-help.js';
import { exitCodes } from './failure.js';
import { importOnce } from './import-once.js';
import { commandLogger } from './logging.js';
import { providersTable, settled } from './providers-table.js';
import type { Terminal } from './terminal.js';

interface ServeCommandOptions {
  readonly config?: string;
  readonly from?: string;
  readonly host?: string;
  readonly port?: string;
  readonly logLevel?: string;
}

export async function action(terminal: Terminal, options: ServeCommandOptions): Promise<number> {
  const imported = options.from === undefined ? undefined : await importOnce(terminal, options.from, options.config);
  const environment = imported?.environment ?? readEnvironment();
  const flags = { ...flag('server.host', options.host), ...flag('server.port', options.port) };
  const source: SettingsOptions = { file: imported?.file ?? options.config, flags, environment };
  const settings = loadSettings(source);
  const logger = commandLogger(settings.config, options.logLevel);
  const running = await serve(settings, { logger, environment });
  const signalled = untilSignalled();
  const endReloading = await reloadOnChange(running, source, settings, logger, options.logLevel);
  announce(terminal, running, settings);
  void announceProviders(terminal, running);
  await signalled;
  await endReloading();
  await running.stop();
  return exitCodes.ok;
}

const flag = (path: string, value: string | undefined): Record<string, string> =>
  value === undefined ? {} : { [path]: value };

/** Resolves at the first SIGTERM or SIGINT; whoever sends a second one does not want to wait for the drain. */
function untilSignalled(): Promise<void> {
  return new Promise((resolve) => {
    let isStopping = false;
    const onSignal = () => {
      if (isStopping) process.exit(exitCodes.failed);
      isStopping = true;
      resolve();
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}

/** Follows the file and SIGHUP. A file that does not load leaves what is in force as it is. */
async function reloadOnChange(
  running: RunningServer,
  source: SettingsOptions,
  initial: Settings,
  logger: Logger,
  logLevel: string | undefined,
): Promise<() => Promise<void>> {
  let current = initial;
  const reload = async () => {
    try {
      let next = current;
      await running.reload(() => {
        next = loadSettings(source);
        return next.config;
      });
      const changes = diffConfig(loaded(current), loaded(next));
      // A level on the command line goes on to win.
      if (logLevel !== undefined) logger.level = logLevel;
      current = next;
      const waiting = changes.filter((change) => change.reload === 'restart').map(({ path }) => path);
      if (waiting.length > 0) logger.warn({ settings: waiting }, 'these settings take effect at the next start');
      logger.info({ changes: changes.length }, 'the configuration was read again');
    } catch (thrown) {
      const { code, message } = toSeaworthyError(thrown);
      logger.error(
        { code, reason: message, err: thrown },
        'the configuration was not taken over: the last one stays in force',
      );
    }
  };
  // One after the other: two quick saves must not end in the order in which they finish.
  let queue = Promise.resolve();
  const enqueue = () => {
    queue = queue.then(reload);
  };
  process.on('SIGHUP', enqueue);
  const watch = initial.file === undefined ? undefined : await watchFile(initial.file, enqueue);
  return async () => {
    process.off('SIGHUP', enqueue);
    await watch?.close();
    await queue;
  };
}

const loaded = ({ config, sources, file }: Settings) => ({ config, sources, file, root: rootConfig });

function announce(terminal: Terminal, running: RunningServer, { config, file }: Settings): void {
  const { url, operationsUrl, apiKey } = running;
  if (terminal.json) {
    terminal.event({ event: 'listening', url, operations: operationsUrl, ...(apiKey !== undefined && { apiKey }) });
    return;
  }
  const { bold, dim, green } = terminal.paint;
  const needsKey = config.auth.mode === 'keys';
  const help = connectionHelp(url, needsKey ? (apiKey ?? 'YOUR_KEY') : undefined, 'example' in config.modules);
  const shownFile =
    file === undefined ? 'embedded default; `seaworthy init` writes a file' : relative(process.cwd(), file) || file;
  const keyLine = apiKey === undefined ? [] : [`  API key     ${green(apiKey)}  ${dim('shown this once')}`];
  const hint =
    needsKey && apiKey === undefined ? [dim('  Make a key: seaworthy keys create --name me --role owner')] : [];
  terminal.print(
    [
      bold(`Seaworthy ${packageVersion}`),
      '',
      `  MCP         ${bold(url)}`,
      `  operations  ${operationsUrl}  ${dim('/metrics, /health/detailed')}`,
      `  config      ${shownFile}`,
      ...keyLine,
      ...hint,
      '',
      bold('Connect'),
      ...section('curl', help.curl),
      ...section('mcp.json', help.mcpJson),
      ...section('Claude Code', help.claude),
    ].join('\n'),
  );

  function section(title: string, text: string): string[] {
    return [dim(`  # ${title}`), ...text.split('\n').map((line) => `  ${line}`), ''];
  }
}

async function announceProviders(terminal: Terminal, { gateway }: RunningServer): Promise<void> {
  if (terminal.json) return;
  await settled(gateway.catalog);
  terminal.print(await providersTable(terminal, gateway.catalog));
}
