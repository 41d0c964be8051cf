import { eventually } from '../../support/eventually.js';
import { type Message } from '../../support/mcp-wire.js';
import { type CellClient } from '../cell-client.js';
import { told, type Plays, type Stage } from './play.js';

const logLevelKey = 'io.modelcontextprotocol/logLevel';

/** What a server says without being asked, while it works on a request or between requests. */
export const notifications: Plays<
  'progress' | 'log message, no level given' | 'log message' | 'list changed' | 'resource updated'
> = {
  progress: async ({ client }) => {
    const since = client.received.length;
    // The SDK makes the token of a call whose progress somebody wants. What it shows may lack the last ones, which come
    // with the result; what counts is the order on the wire.
    await client.sdk.callTool({ name: 'burst', arguments: { count: 20 } }, { onprogress: () => {} });
    const order = client.received.slice(since).map(({ method, params, result }) => {
      if (method === 'notifications/progress') return String(params?.['progress']);
      return result ? 'result' : String(method);
    });
    return order.join(' ');
  },
  'log message, no level given': async (stage) => {
    const { client } = stage;
    const since = client.received.length;
    await client.sdk.callTool({ name: 'test_logging_tool' });
    return logsSince(client, since);
  },
  'log message': async (stage) => {
    const { client } = stage;
    const meta = client.family === 'modern' ? { _meta: { [logLevelKey]: 'info' } } : {};
    if (client.family === 'legacy') await client.sdk.setLoggingLevel('info');
    const since = client.received.length;
    await client.sdk.callTool({ name: 'test_logging_tool', ...meta });
    return logsSince(client, since);
  },
  'list changed': async (stage) => {
    const { client } = stage;
    const listening = client.family === 'modern' ? await client.sdk.listen({ toolsListChanged: true }) : undefined;
    const changes = arrivals(client, ({ method }) => method === 'notifications/tools/list_changed');
    const answer = told(await client.sdk.callTool({ name: 'test_trigger_tool_change' }));
    await eventually(() => changes() > 0, 10_000);
    await listening?.close();
    return `${answer} list_changed`;
  },
  'resource updated': async (stage) => {
    const watched = 'test://watched-resource';
    const control = 'test://static-text';
    const { client } = stage;
    const updates = (uri: string) =>
      arrivals(client, ({ method, params }) => method === 'notifications/resources/updated' && params?.['uri'] === uri);
    const [ofWatched, ofControl] = [updates(watched), updates(control)];
    const touch = (uri: string) => client.sdk.callTool({ name: 'touch', arguments: { uri } });
    const [stopWatched, stopControl] = [await watch(stage, watched), await watch(stage, control)];
    await touch(watched);
    await eventually(() => ofWatched() === 1, 10_000);
    await stopWatched();
    await touch(watched);
    // What was announced before has arrived once this one has.
    await touch(control);
    await eventually(() => ofControl() === 1, 10_000);
    await stopControl();
    return `updated, then ${ofWatched() === 1 ? 'nothing more' : 'still updated'}`;
  },
};

/** Counts what arrives from now on. */
function arrivals(client: CellClient, matches: (message: Message) => boolean): () => number {
  const since = client.received.length;
  return () => client.received.slice(since).filter(matches).length;
}

/** Log messages up to the result, and what came first. */
function logsSince({ received }: CellClient, since: number): string {
  const order = received.slice(since).flatMap(({ method, params, result }) => {
    if (method === 'notifications/message') return [`${String(params?.['level'])} ${String(params?.['data'])}`];
    return result && 'content' in result ? ['result'] : [];
  });
  return order.join(', ');
}

/** Watches one URI in the words of the family; call the answer to stop. */
async function watch({ client: { sdk, family } }: Stage, uri: string): Promise<() => Promise<unknown>> {
  if (family === 'modern') {
    const listening = await sdk.listen({ resourceSubscriptions: [uri] });
    return () => listening.close();
  }
  await sdk.subscribeResource({ uri });
  return () => sdk.unsubscribeResource({ uri });
}
