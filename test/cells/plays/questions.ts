import { type CellClient } from '../cell-client.js';
import { outcome, shown, told, type Play, type Plays } from './play.js';

/** What a server asks its client while it works on a request. */
export const questions: Plays<
  | 'elicitation, form'
  | 'elicitation, link'
  | 'elicitation from a prompt'
  | 'sampling'
  | 'roots'
  | 'several questions at once'
  | 'several rounds'
  | 'capability not declared'
> = {
  'elicitation, form': asking('test_input_required_result_elicitation'),
  'elicitation, link': asking('ask_link'),
  'elicitation from a prompt': async ({ client }) => {
    const asked = sinceNow(client);
    const answer = await outcome(client.sdk.getPrompt({ name: 'test_input_required_result_prompt' }), ({ messages }) =>
      messages.map(({ content }) => ('text' in content ? content.text : content.type)).join(),
    );
    return `${asked()}: ${answer}`;
  },
  sampling: asking('test_sampling', { prompt: 'What is the capital of France?' }),
  roots: asking('test_input_required_result_list_roots'),
  'several questions at once': asking('test_input_required_result_multiple_inputs', {}, 'in any order'),
  'several rounds': asking('test_input_required_result_multi_round'),
  'capability not declared': async ({ another }) => {
    const client = await another({});
    const answer = shown(await client.raw('tools/call', { name: 'test_missing_capability', arguments: {} }));
    // The words are the server's; which capability it names is what counts.
    return answer.replace(/result .*"isError":true.*/, (text) =>
      text.includes('sampling') ? 'isError naming sampling' : text,
    );
  },
};

function asking(name: string, args: Record<string, unknown> = {}, order?: 'in any order'): Play {
  return async ({ client }) => {
    const asked = sinceNow(client, order);
    const answer = await outcome(client.sdk.callTool({ name, arguments: args }), told);
    return `${asked()}: ${answer}`;
  };
}

function sinceNow({ asked }: CellClient, order?: 'in any order'): () => string {
  const before = asked.length;
  return () => {
    const since = asked.slice(before);
    return (order ? since.sort() : since).join(', ');
  };
}
