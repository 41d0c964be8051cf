import { compileGlob } from '#gateway/policy/index.js';
import { exitCodes } from './failure.js';
import { visible, type Terminal } from './terminal.js';
import { openToolSource, type ToolSourceOptions } from './tool-source.js';

export async function action(terminal: Terminal, options: ToolSourceOptions, pattern = '*'): Promise<number> {
  const source = await openToolSource(options);
  try {
    const matches = compileGlob(pattern);
    const tools = source.tools.filter(({ name }) => matches(name));
    const { unavailable } = source;
    if (unavailable.length > 0)
      terminal.note(terminal.paint.yellow(`Not answering: ${unavailable.join(', ')}. seaworthy doctor says why.`));
    const width =
      Math.max(40, process.stdout.columns ?? 120) - Math.max(0, ...tools.map(({ name }) => name.length)) - 2;
    const rows = tools.map(({ name, title, description }) => [visible(name), summary(description ?? title, width)]);
    const table = await terminal.table(['tool', ''], rows);
    terminal.result({ tools, unavailable }, () => (rows.length === 0 ? nothing(source.tools.length) : table));
    return exitCodes.ok;
  } finally {
    await source.close();
  }
}

const nothing = (all: number): string =>
  all === 0 ? 'No tool is on offer: look at access in the configuration.' : `None of ${all} tools matches.`;

/** The first sentence of a description, as long as the line allows. */
function summary(text: unknown, width: number): string {
  const line = visible(typeof text === 'string' ? text : '')
    .replace(/\s+/g, ' ')
    .trim();
  return line.length <= width ? line : `${line.slice(0, Math.max(0, width - 1))}…`;
}
