import { jsonSchemaOf } from '#kernel/config/index.js';
import { rootConfig } from '../config.js';
import { exitCodes } from './failure.js';
import type { Terminal } from './terminal.js';

export async function action(terminal: Terminal): Promise<number> {
  const schema = jsonSchemaOf(rootConfig);
  terminal.result(schema, () => JSON.stringify(schema, undefined, 2));
  return exitCodes.ok;
}
