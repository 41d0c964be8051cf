import { jsonSchemaOf, loadConfig, readEnvironment } from '#kernel/config/index.js';
import { rootConfig } from '../config.js';
import { embeddedDefault } from '../embedded-default.js';
import { loadSettings } from '../settings.js';
import { exitCodes } from './failure.js';
import { redactedSettings } from './redacted-settings.js';
import type { Terminal } from './terminal.js';

export async function action(terminal: Terminal, options: { readonly config?: string }): Promise<number> {
  const { file } = await loadSettings({ file: options.config });
  // Read again with nothing replaced: what stands in the file as ${NAME} is shown as that, never as its value.
  const source = file === undefined ? { text: embeddedDefault } : { file };
  const loaded = loadConfig(rootConfig, { ...source, environment: readEnvironment(), interpolate: [] });
  const settings = redactedSettings(loaded.config, loaded.sources, jsonSchemaOf(rootConfig));
  const rows = settings.map(({ path, value, source: from }) => [path, text(value), from === 'default' ? '' : from]);
  const table = await terminal.table(['setting', 'value', 'from'], rows);
  const values = Object.fromEntries(settings.map(({ path, value, source: from }) => [path, { value, source: from }]));
  terminal.result({ file: file ?? null, settings: values }, () => table);
  return exitCodes.ok;
}

const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
