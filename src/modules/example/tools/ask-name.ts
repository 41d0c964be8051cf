import { z } from 'zod';
import { elicit, inputRequired, tool } from '#gateway/modules/index.js';

const form = z.object({ name: z.string().min(1).max(100).describe('Your name') });

/** Shows a question to the user. The first round asks; the second finds the answer. */
export const askName = (greeting: string) =>
  tool({
    name: 'ask_name',
    title: 'Ask for a name',
    description: 'Asks the user for a name and greets them. Needs a client that can ask its user.',
    input: z.object({}),
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: false, openWorldHint: false },
    scopes: ['example:use'],
    run(_args, call) {
      const answer = call.responses.elicited('name');
      if (answer && answer.action !== 'accept') return 'The user prefers not to say.';
      const given = call.responses.accepted('name', form);
      return given ? `${greeting}, ${given.name}!` : inputRequired({ name: elicit('What is your name?', form) });
    },
  });
