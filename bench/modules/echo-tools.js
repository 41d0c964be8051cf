import { defineModule, tool } from 'seaworthy/module';
import { z } from 'zod';

const echo = tool({
  name: 'echo',
  description: 'Returns the message it was given.',
  input: z.object({ message: z.string() }),
  run: ({ message }) => message,
});

const lookup = (index) =>
  tool({
    name: `lookup-${String(index).padStart(3, '0')}`,
    description: `Looks up record number ${index} and answers with what is stored about it.`,
    input: z.object({
      id: z.string(),
      fields: z.array(z.string()).optional(),
      limit: z.int().min(1).max(100).optional(),
    }),
    run: ({ id }) => id,
  });

/** A module with `echo` and so many other tools that there are `count` in all. */
export const echoModule = (id, count) =>
  defineModule({
    id,
    doc: `Echo among ${count} tools.`,
    config: z.strictObject({}),
    provision: () => ({ tools: [echo, ...Array.from({ length: count - 1 }, (_, index) => lookup(index + 1))] }),
  });
