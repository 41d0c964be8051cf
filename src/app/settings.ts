import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { loadConfig, readEnvironment } from '#kernel/config/index.js';
import { rootConfig, type Config } from './config.js';
import { embeddedDefault } from './embedded-default.js';

export interface Settings {
  readonly config: Config;
  /** The file that was read; undefined where the embedded default is in force. */
  readonly file: string | undefined;
  /** Relative paths in the configuration are read from here: the folder of the file. */
  readonly baseDir: string;
  readonly sources: ReadonlyMap<string, 'default' | 'file' | 'env' | 'flag'>;
}

export interface SettingsOptions {
  readonly file?: string | undefined;
  /** Values of command-line flags by configuration path, such as `server.port`. */
  readonly flags?: Readonly<Record<string, string>> | undefined;
  readonly cwd?: string | undefined;
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
  /** False: `${NAME}` stays as it is, and its variable need not be set. Default true. */
  readonly interpolate?: boolean | undefined;
}

const wellKnown = ['seaworthy.yaml', 'seaworthy.yml', 'seaworthy.json'];

/**
 * Finds and reads the configuration: the file that was named, else one of the well-known names in the working folder,
 * else the embedded default. @throws SW_CONFIG_INVALID, SW_CONFIG_UNREADABLE
 */
export function loadSettings(options: SettingsOptions = {}): Settings {
  const cwd = options.cwd ?? process.cwd();
  const environment = options.environment ?? readEnvironment();
  const flags = options.flags ?? {};
  const named = options.file ?? environment['SEAWORTHY_CONFIG'];
  const file = named === undefined ? wellKnown.map((name) => resolve(cwd, name)).find(existsSync) : resolve(cwd, named);
  const source = file === undefined ? { text: embeddedDefault } : { file };
  const { config, sources } = loadConfig(rootConfig, {
    ...source,
    environment,
    flags,
    ...(options.interpolate === false && { interpolate: [] }),
  });
  return { config, file, baseDir: file === undefined ? cwd : dirname(file), sources };
}
