import { outcome, shown, told, type Plays } from './play.js';

/** One request, one answer. */
export const requests: Plays<
  | 'initialize or discover'
  | 'call'
  | 'tool error'
  | 'unknown tool'
  | 'unknown method'
  | 'every page of a list'
  | 'read a resource'
  | 'missing resource'
  | 'prompt'
  | 'completion'
  | 'protocol error'
  | 'large result'
  | 'unknown members'
  | 'concurrent calls'
  | 'ping'
  | 'set the log level'
> = {
  'initialize or discover': async ({ client: { sdk } }) => {
    const offered = Object.entries(sdk.getServerCapabilities() ?? {});
    const names = offered.map(([name, value]) => [name, ...Object.keys(value as object)].join('.')).sort();
    return `${sdk.getServerVersion()?.name}, ${names.join(' ')}, "${sdk.getInstructions()}"`;
  },
  call: async ({ client: { sdk } }) => told(await sdk.callTool({ name: 'test_simple_text' })),
  'tool error': async ({ client: { sdk } }) => told(await sdk.callTool({ name: 'test_error_handling' })),
  'unknown tool': async ({ client }) => shown(await client.raw('tools/call', { name: 'no_such_tool', arguments: {} })),
  'unknown method': async ({ client }) => shown(await client.raw('no/such/method')),
  'every page of a list': async ({ client: { sdk } }) => {
    const { resourceTemplates } = await sdk.listResourceTemplates();
    return resourceTemplates.map(({ name }) => name).join(', ');
  },
  'read a resource': async ({ client: { sdk } }) => {
    const { contents } = await sdk.readResource({ uri: 'test://template/7/data' });
    return contents.map((content) => ('text' in content ? content.text : 'no text')).join();
  },
  'missing resource': async ({ client }) => shown(await client.raw('resources/read', { uri: 'test://nothing' })),
  prompt: async ({ client: { sdk } }) => {
    const { messages } = await sdk.getPrompt({
      name: 'test_prompt_with_arguments',
      arguments: { arg1: 'a', arg2: 'b' },
    });
    return messages.map(({ content }) => ('text' in content ? content.text : content.type)).join();
  },
  completion: async ({ client: { sdk } }) => {
    const ref = { type: 'ref/prompt', name: 'test_prompt_with_arguments' } as const;
    const { completion } = await sdk.complete({ ref, argument: { name: 'arg1', value: 'par' } });
    return completion.values.join(', ');
  },
  'protocol error': async ({ client: { sdk } }) => outcome(sdk.getPrompt({ name: 'refused_prompt' }), () => 'a prompt'),
  'large result': async ({ client: { sdk } }) => {
    const text = told(await sdk.callTool({ name: 'big', arguments: { characters: 1_000_000 } }));
    return `${text.slice(0, 8)}… ${text.length - 'text '.length}`;
  },
  'unknown members': async ({ client }) => {
    const { message } = await client.raw('tools/call', {
      name: 'members',
      arguments: {},
      _meta: { 'com.example/sent': 'there and back' },
    });
    const { content, futureMember, _meta } = message?.result ?? {};
    const kept = { content, futureMember, received: (_meta as Record<string, unknown>)['com.example/received'] };
    return JSON.stringify(kept);
  },
  'concurrent calls': async ({ client: { sdk } }) => {
    const texts = Array.from({ length: 20 }, (_, index) => `call ${index}`);
    const answers = await Promise.all(
      texts.map((text, index) => sdk.callTool({ name: 'echo', arguments: { text, ms: 40 - 2 * index } })),
    );
    const mixed = texts.filter((text, index) => told(answers[index] ?? {}) !== `text ${text}`);
    return mixed.length === 0 ? 'each its own answer' : `mixed: ${mixed.join()}`;
  },
  ping: async ({ client }) => shown(await client.raw('ping')),
  'set the log level': async ({ client }) => shown(await client.raw('logging/setLevel', { level: 'info' })),
};
