import { z } from 'zod';
import { tool } from '#gateway/modules/index.js';

export const echo = tool({
  name: 'echo',
  title: 'Echo',
  description: 'Returns the message it was given.',
  input: z.object({ message: z.string().describe('Any text') }),
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  scopes: ['example:use'],
  run: ({ message }) => message,
});
