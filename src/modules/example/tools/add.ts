import { z } from 'zod';
import { structured, tool } from '#gateway/modules/index.js';

export const add = tool({
  name: 'add',
  title: 'Add',
  description: 'Adds two numbers.',
  input: z.object({ a: z.number(), b: z.number() }),
  output: z.object({ sum: z.number() }),
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  scopes: ['example:use'],
  run: ({ a, b }) => structured({ sum: a + b }),
});
