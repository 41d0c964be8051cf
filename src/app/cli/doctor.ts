import { resolve } from 'node:path';
import { readEnvironment } from '#kernel/config/index.js';
import { compose } from '../compose.js';
import { loadSettings, type Settings } from '../settings.js';
import { checkAccess } from './doctor-access.js';
import { checkDataDir, checkExposure, checkNode, checkPort, checkStorage } from './doctor-machine.js';
import { checkProviders } from './doctor-providers.js';
import { exitCodes } from './failure.js';
import { failed, ok, type Finding } from './finding.js';
import { commandLogger } from './logging.js';
import { visible, type Terminal } from './terminal.js';

interface DoctorOptions {
  readonly config?: string;
  readonly logLevel?: string;
}

export async function action(terminal: Terminal, options: DoctorOptions): Promise<number> {
  const findings: Finding[] = [];
  for await (const finding of examine(options)) {
    findings.push(finding);
    terminal.print(line(finding, terminal));
  }
  const errors = findings.filter(({ status }) => status === 'error').length;
  const warnings = findings.filter(({ status }) => status === 'warning').length;
  if (terminal.json) terminal.result({ healthy: errors === 0, errors, warnings, findings }, () => '');
  else terminal.print(`\n${errors} error(s), ${warnings} warning(s).`);
  return errors > 0 ? exitCodes.failed : exitCodes.ok;
}

/** From the ground up: what stands on something broken is not looked at. */
async function* examine(options: DoctorOptions): AsyncGenerator<Finding> {
  yield checkNode(process.versions.node);
  let settings: Settings;
  try {
    settings = loadSettings({ file: options.config });
  } catch (error) {
    yield failed('config', error);
    return;
  }
  const { config, baseDir, file } = settings;
  yield ok('config', `${file ?? 'the embedded default'} is valid.`);
  const dataDir = await checkDataDir(resolve(baseDir, config.dataDir));
  yield dataDir;
  yield await checkPort('server', config);
  yield await checkPort('operations', config);
  yield checkExposure(config);
  if (dataDir.status === 'error') return;
  const storage = await checkStorage(config, baseDir);
  yield storage;
  if (storage.status !== 'error') yield* examineProviders(settings, options);
}

async function* examineProviders({ config, baseDir }: Settings, { logLevel }: DoctorOptions): AsyncGenerator<Finding> {
  const logger = commandLogger(config, logLevel ?? 'silent');
  try {
    const gateway = await compose(config, { logger, baseDir, environment: readEnvironment() });
    try {
      const { findings, snapshots } = await checkProviders(gateway.catalog);
      yield* findings;
      const answering = new Set(snapshots.map(({ provider }) => provider));
      const silent = gateway.catalog.providers.map(({ id }) => id).filter((id) => !answering.has(id));
      yield* checkAccess(config, snapshots, silent);
    } finally {
      await gateway.stop();
    }
  } catch (error) {
    yield failed('providers', error);
  }
}

function line({ check, status, message, hint }: Finding, { paint }: Terminal): string {
  const mark = { ok: paint.green('✓'), warning: paint.yellow('!'), error: paint.red('✗') }[status];
  const next = hint === undefined ? '' : `\n    ${paint.dim(visible(hint))}`;
  return `${mark} ${check}: ${visible(message)}${next}`;
}
