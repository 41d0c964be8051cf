import { fail } from '#kernel/errors/index.js';
import type { JsonObject } from '#protocol/model/index.js';
import { readArguments } from './call-arguments.js';
import { showContent } from './content.js';
import { exitCodes } from './failure.js';
import { visible, type Terminal } from './terminal.js';
import { openToolSource, type ToolSourceOptions } from './tool-source.js';

interface CallOptions extends ToolSourceOptions {
  readonly args?: string;
}

export async function action(
  terminal: Terminal,
  options: CallOptions,
  name: string,
  ...pairs: string[]
): Promise<number> {
  const source = await openToolSource(options, name);
  try {
    const tool = source.tools.find((each) => each.name === name);
    if (!tool) throw fail('SW_TOOL_UNKNOWN', { name });
    const given = readArguments(pairs, options.args, tool.inputSchema);
    const result = await source.call(name, given, (text) => terminal.note(terminal.paint.dim(visible(text))));
    terminal.result(result, () => human(result, terminal));
    return result['isError'] === true || result['resultType'] === 'input_required' ? exitCodes.failed : exitCodes.ok;
  } finally {
    await source.close();
  }
}

function human(result: JsonObject, terminal: Terminal): string {
  if (result['resultType'] === 'input_required')
    return terminal.paint.yellow('The tool asks for input, which a command line cannot give. Use an MCP client.');
  const text = showContent(result);
  return result['isError'] === true ? terminal.paint.red(text) : text;
}
