import { defineModule } from '#gateway/modules/index.js';
import { field } from '#kernel/config/index.js';
import { fleet, ship } from './ships.js';
import { report } from './report.js';
import { add } from './tools/add.js';
import { askName } from './tools/ask-name.js';
import { countdown } from './tools/countdown.js';
import { echo } from './tools/echo.js';

/** A module that uses each part of the contract once: the first call of a newcomer, and the code to copy from. */
export const example = defineModule({
  id: 'example',
  doc: 'Small tools to try a client with; they touch nothing.',
  config: field.section(
    { greeting: field.string({ doc: 'Word that ask_name greets with.', default: 'Hello', minLength: 1 }) },
    'Small tools to try a client with.',
  ),
  scopes: { 'example:use': 'Call the example tools' },
  provision: (_ctx, { greeting }) => ({
    tools: [echo, add, countdown, askName(greeting)],
    resources: [fleet],
    resourceTemplates: [ship],
    prompts: [report],
    cache: { tools: { ttlMs: 60_000, cacheScope: 'public' } },
  }),
});
