import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { loadConfig, readEnvironment, type Environment } from '#kernel/config/index.js';
import { fail, reasonOf } from '#kernel/errors/index.js';
import {
  countsOf,
  discover,
  existingPlaces,
  readClientConfigs,
  renderConfig,
  shownPath,
  type Discovery,
  type Import,
  type Surroundings,
  type Variable,
} from '../import/index.js';
import { lockSnapshots } from '#gateway/pins/index.js';
import { rootConfig } from '../config.js';
import { visible, type Terminal } from './terminal.js';

export interface InitialiseOptions {
  /** Empty: the well-known places. */
  readonly files: readonly string[];
  readonly output: string;
  readonly force: boolean;
  readonly discover: boolean;
  readonly readOnly: boolean;
}

export interface InitialiseReport {
  /** The file that was written, absolute. */
  readonly output: string;
  /** The lock file beside it; undefined where nothing was started. */
  readonly lockFile: string | undefined;
  readonly imported: Import;
  /** Undefined where nothing was started. */
  readonly discoveries: ReadonlyMap<string, Discovery> | undefined;
}

/**
 * Reads client configurations and writes ours.
 * @throws SW_FILE_EXISTS, SW_IMPORT_UNREADABLE, SW_USAGE where there is nothing to import
 */
export async function initialise(terminal: Terminal, options: InitialiseOptions): Promise<InitialiseReport> {
  const around = surroundings();
  const output = resolve(around.cwd, options.output);
  const sources = options.files.length > 0 ? options.files.map((file) => ({ file })) : existingPlaces(around);
  if (sources.length === 0)
    throw fail('SW_USAGE', { reason: 'No client configuration was found here; name a file, such as .mcp.json.' });
  const imported = await readClientConfigs(sources, around);
  if (!options.force) refuseExisting(output);
  const discoveries = options.discover ? await discoverAll(terminal, imported, dirname(output)) : undefined;
  const text = renderConfig(imported, {
    baseDir: dirname(output),
    home: around.home,
    discoveries,
    readOnly: options.readOnly,
  });
  await write(output, text, options.force);
  const lockFile = discoveries && (await lock(output, discoveries, options.force));
  return { output, lockFile, imported, discoveries };
}

export const surroundings = (): Surroundings => ({
  cwd: process.cwd(),
  home: homedir(),
  platform: process.platform,
  environment: readEnvironment(),
});

/** The environment, and the secrets of the clients' files under the names that stand for them now. */
export function withLiterals(variables: readonly Variable[], environment: Environment): Environment {
  const literals = variables.flatMap(({ name, literal }) => (literal === undefined ? [] : [[name, literal] as const]));
  const set = Object.entries(environment).filter(([, value]) => value !== undefined && value !== '');
  return Object.fromEntries([...literals, ...set]);
}

function discoverAll(terminal: Terminal, imported: Import, baseDir: string): Promise<ReadonlyMap<string, Discovery>> {
  const { green, red, dim } = terminal.paint;
  if (imported.servers.length > 0) terminal.note(`Starting ${imported.servers.length} server(s) to read their lists …`);
  return discover(imported.servers, {
    baseDir,
    environment: withLiterals(imported.variables, readEnvironment()),
    onDone: ({ id }, discovery) => {
      const text = discovery.kind === 'found' ? countsOf(discovery.snapshot) : discovery.reason;
      const mark = discovery.kind === 'found' ? green('✓') : red('✗');
      terminal.note(`  ${mark} ${id}  ${visible(text)} ${dim(`${discovery.ms} ms`)}`);
    },
  });
}

/** Asked before anything is started: a refusal must not cost a minute of discovery. */
function refuseExisting(output: string): void {
  if (existsSync(output)) throw fail('SW_FILE_EXISTS', { file: output });
}

/** Readable by the owner alone: the file names every server and how to start it. */
async function write(output: string, text: string, force: boolean): Promise<void> {
  try {
    await writeFile(output, text, { mode: 0o600, flag: force ? 'w' : 'wx' });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') throw fail('SW_FILE_EXISTS', { file: output }, cause);
    throw fail('SW_FILE_UNWRITABLE', { file: output, reason: reasonOf(cause) }, cause);
  }
}

/** Pins what the servers offer now, under the name that the configuration has for the file by default. */
async function lock(output: string, discoveries: ReadonlyMap<string, Discovery>, force: boolean): Promise<string> {
  const { pins } = loadConfig(rootConfig, { text: '{}', environment: {} }).config;
  const file = join(dirname(output), pins.lockFile);
  const found = [...discoveries.values()].flatMap((each) => (each.kind === 'found' ? [each.snapshot] : []));
  await lockSnapshots(file, found, pins.items, force);
  return file;
}

/** What was done, what was not, and what is left to do. */
export function showReport(terminal: Terminal, { output, lockFile, imported, discoveries }: InitialiseReport): string {
  const { bold, yellow, dim } = terminal.paint;
  const around = surroundings();
  const shown = (file: string) => shownPath(file, { baseDir: around.cwd, home: around.home });
  const failed = [...(discoveries?.values() ?? [])].filter(({ kind }) => kind === 'failed').length;
  const lines = [`Wrote ${bold(shown(output))} with ${imported.servers.length} server(s).`];
  if (lockFile !== undefined)
    lines.push(`Wrote ${bold(shown(lockFile))}: what the servers offer now is pinned; a change is held back.`);
  if (failed > 0) lines.push(yellow(`${failed} did not answer and have no allow rule; the file says why.`));
  if (!discoveries) lines.push(yellow('Nothing was started, so nothing is allowed yet: edit access in the file.'));
  for (const { name, source, reason } of imported.skipped)
    lines.push(dim(`Left out: ${name === undefined ? '' : `${visible(name)} in `}${shown(source)}: ${reason}.`));
  const unset = imported.variables.filter(({ name }) => !around.environment[name]);
  if (unset.length > 0) lines.push('', 'Set these variables before `seaworthy serve`; the file refers to them:');
  for (const { name, usedBy, description, literal } of unset) {
    const origin = literal === undefined ? (description ?? '') : "its value is in the client's file";
    lines.push(
      `  ${bold(name)}  ${dim([`for ${usedBy.join(', ')}`, origin].filter((part) => part !== '').join('; '))}`,
    );
  }
  return lines.join('\n');
}
