// A module in one file. An id, a configuration, and what it offers: one tool that looks words up.
import { defineModule, field, structured, tool, toolError } from 'seaworthy/module';
import { z } from 'zod';

// The default export is what the program loads from the file that `modules.<id>.path` names.
export default defineModule({
  id: 'glossary',
  doc: 'Explains the words of a trade.',
  // From this come the parsing of `modules.glossary`, its defaults and its error messages.
  config: field.section(
    { terms: field.record(z.string(), { doc: 'Term and its meaning.', default: { bow: 'The front of a ship.' } }) },
    'Explains the words of a trade.',
  ),
  // What a tool demands of its caller, in words for the operator.
  scopes: { 'glossary:read': 'Look terms up' },
  // Called once at the start, with a configuration that fits. Nothing before this has an effect.
  provision: (_context, { terms }) => ({
    tools: [
      tool({
        name: 'define',
        description: 'Explains one term. Use it before guessing what a word of the trade means.',
        // Arguments are checked against this before `run`, and typed by it.
        input: z.object({ term: z.string().describe('The word, in the singular') }),
        output: z.object({ term: z.string(), meaning: z.string() }),
        // What clients may assume: it only reads, and it reaches nothing outside.
        annotations: { readOnlyHint: true, openWorldHint: false },
        scopes: ['glossary:read'],
        run: ({ term }) => {
          const meaning = terms[term.toLowerCase()];
          if (meaning !== undefined) return structured({ term, meaning });
          // A failure that the model can act on: say what is wrong, and what to do.
          return toolError(`No such term: ${term}.`, `There are: ${Object.keys(terms).join(', ')}.`);
        },
      }),
    ],
  }),
});
