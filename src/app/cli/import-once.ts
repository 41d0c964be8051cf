import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { readEnvironment, type Environment } from '#kernel/config/index.js';
import { readClientConfigs } from '../import/index.js';
import { initialise, showReport, surroundings, withLiterals } from './initialise.js';
import type { Terminal } from './terminal.js';

/**
 * Makes our configuration from a client's unless it exists, for `serve --from`. The secrets in the client's file are
 * lent to this run: that file has them anyway, and a first start must not end with a list of variables to set.
 */
export async function importOnce(
  terminal: Terminal,
  from: string,
  config: string | undefined,
): Promise<{ readonly file: string; readonly environment: Environment }> {
  const file = resolve(config ?? 'seaworthy.yaml');
  if (existsSync(file)) {
    const { variables } = await readClientConfigs([{ file: from }], surroundings());
    return { file, environment: withLiterals(variables, readEnvironment()) };
  }
  const report = await initialise(terminal, {
    files: [from],
    output: file,
    force: false,
    discover: true,
    readOnly: false,
  });
  if (!terminal.json) process.stderr.write(`${showReport(terminal, report)}\n\n`);
  return { file, environment: withLiterals(report.imported.variables, readEnvironment()) };
}
