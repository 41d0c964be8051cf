import { jsonSchemaOf } from '#kernel/config/index.js';
import { rootConfig } from '../config.js';
import { loadSettings } from '../settings.js';
import { exitCodes } from './failure.js';
import { redactedSettings } from './redacted-settings.js';
import type { Terminal } from './terminal.js';

export async function action(terminal: Terminal, options: { readonly config?: string }): Promise<number> {
  // Nothing is replaced: what stands in the file as ${NAME} is shown as that, never as its value.
  const { config, file, sources } = loadSettings({ file: options.config, interpolate: false });
  const settings = redactedSettings(config, sources, jsonSchemaOf(rootConfig));
  const lines = settings.map(({ path, value, source }) => {
    const origin = terminal.paint.dim(`  # ${source}`);
    return `${path}: ${text(value)}${source === 'default' ? '' : origin}`;
  });
  const values = Object.fromEntries(settings.map(({ path, value, source }) => [path, { value, source }]));
  terminal.result({ file: file ?? null, settings: values }, () => lines.join('\n'));
  return exitCodes.ok;
}

const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
