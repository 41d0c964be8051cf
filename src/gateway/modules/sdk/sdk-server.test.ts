import {
  McpServer as McpServer1,
  ResourceTemplate as ResourceTemplate1,
} from '@modelcontextprotocol/sdk/server/mcp.js';
import { McpServer as McpServer2 } from '@modelcontextprotocol/server';
import { SubscribeRequestSchema, UnsubscribeRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { ProviderCall, ProviderEvent } from '#gateway/catalog/index.js';
import { CallScope } from '#kernel/context/index.js';
import { createSealer, memoryKeyRing } from '#kernel/secrets/index.js';
import { silentLogger } from '#kernel/telemetry/index.js';
import { systemClock } from '#kernel/time/index.js';
import type { JsonObject, ModelNotification } from '#protocol/model/index.js';
import { fromSdkServer, moduleProvider, testPrincipal, type SdkServer } from '../index.js';

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The same server in both generations: a tool of each kind, a resource, a template, a prompt. */
function serverOf1(): SdkServer {
  const server = new McpServer1(
    { name: 'first', version: '1.0.0' },
    { capabilities: { logging: {}, resources: { subscribe: true } }, instructions: 'Use it.' },
  );
  let calls = 0;
  server.registerTool('count', { description: 'Counts.' }, () => text(String(++calls)));
  server.registerTool('echo', { description: 'Echoes.', inputSchema: { message: z.string() } }, ({ message }) =>
    text(message),
  );
  server.registerTool('ask', { description: 'Asks.' }, async (extra) => {
    await wait(1);
    const answer = await extra.sendRequest(
      {
        method: 'elicitation/create',
        params: { message: 'Who?', requestedSchema: { type: 'object', properties: {} } },
      },
      z.object({ action: z.string() }),
    );
    return text(answer.action);
  });
  server.registerTool('chat', { description: 'Notifies.' }, async (extra) => {
    const progressToken = extra._meta?.progressToken;
    if (progressToken !== undefined)
      await extra.sendNotification({ method: 'notifications/progress', params: { progressToken, progress: 1 } });
    await extra.sendNotification({ method: 'notifications/message', params: { level: 'info', data: 'hello' } });
    return text('done');
  });
  server.registerTool('hang', { description: 'Hangs.' }, async (extra) => {
    await new Promise((resolve) => extra.signal.addEventListener('abort', resolve));
    return text('aborted');
  });
  server.registerTool('grow', { description: 'Adds a tool.' }, () => {
    server.registerTool('late', { description: 'Late.' }, () => text('late'));
    return text('grown');
  });
  server.registerResource('note', 'note://1', { description: 'A note.' }, ({ href }) => ({
    contents: [{ uri: href, text: 'note' }],
  }));
  server.registerResource('any', new ResourceTemplate1('note://any/{id}', { list: undefined }), {}, ({ href }) => ({
    contents: [{ uri: href, text: 'any' }],
  }));
  server.registerPrompt('hello', { description: 'Says hello.' }, () => ({
    messages: [{ role: 'user', content: { type: 'text', text: 'hello' } }],
  }));
  server.registerTool('touch', { description: 'Updates the note.' }, async () => {
    await server.server.sendResourceUpdated({ uri: 'note://1' });
    return text('touched');
  });
  server.server.setRequestHandler(SubscribeRequestSchema, () => ({}));
  server.server.setRequestHandler(UnsubscribeRequestSchema, () => ({}));
  return server;
}

function serverOf2(): SdkServer {
  const server = new McpServer2(
    { name: 'second', version: '2.0.0' },
    { capabilities: { logging: {}, resources: { subscribe: true } }, instructions: 'Use it.' },
  );
  let calls = 0;
  server.registerTool('count', { description: 'Counts.' }, () => text(String(++calls)));
  server.registerTool(
    'echo',
    { description: 'Echoes.', inputSchema: z.object({ message: z.string() }) },
    ({ message }) => text(message),
  );
  server.registerTool('ask', { description: 'Asks.' }, async ({ mcpReq }) => {
    await wait(1);
    const answer = await mcpReq.elicitInput({
      message: 'Who?',
      requestedSchema: { type: 'object', properties: {} },
    });
    return text(answer.action);
  });
  server.registerTool('chat', { description: 'Notifies.' }, async ({ mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken;
    if (progressToken !== undefined)
      await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress: 1 } });
    await mcpReq.notify({ method: 'notifications/message', params: { level: 'info', data: 'hello' } });
    return text('done');
  });
  server.registerTool('hang', { description: 'Hangs.' }, async ({ mcpReq }) => {
    await new Promise((resolve) => mcpReq.signal.addEventListener('abort', resolve));
    return text('aborted');
  });
  server.registerTool('grow', { description: 'Adds a tool.' }, () => {
    server.registerTool('late', { description: 'Late.' }, () => text('late'));
    return text('grown');
  });
  server.registerResource('note', 'note://1', { description: 'A note.' }, ({ href }) => ({
    contents: [{ uri: href, text: 'note' }],
  }));
  server.registerPrompt('hello', { description: 'Says hello.' }, () => ({
    messages: [{ role: 'user', content: { type: 'text', text: 'hello' } }],
  }));
  server.registerTool('touch', { description: 'Updates the note.' }, async () => {
    await server.server.sendResourceUpdated({ uri: 'note://1' });
    return text('touched');
  });
  server.server.setRequestHandler('resources/subscribe', () => ({}));
  server.server.setRequestHandler('resources/unsubscribe', () => ({}));
  return server;
}

const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] });

async function mounted(server: () => SdkServer) {
  const module = fromSdkServer({ id: 'sdk', doc: 'A server of the SDK.', server });
  const sealer = createSealer(memoryKeyRing(), 'test');
  const provider = moduleProvider(module, {}, { log: silentLogger, clock: systemClock, dataDir: '/none', sealer });
  const events: ProviderEvent[] = [];
  provider.onEvent((event) => events.push(event));
  await provider.start();
  const call = (method: string, params: JsonObject, overrides: Partial<ProviderCall> = {}) =>
    provider.invoke({
      request: { method, params },
      client: { family: 'legacy', revision: '2025-11-25', capabilities: { elicitation: {} } },
      scope: new CallScope('1', testPrincipal, 0),
      channel: { notify: () => {} },
      session: { key: 'one' },
      ...overrides,
    });
  const tool = (name: string, overrides?: Partial<ProviderCall>, args: JsonObject = {}) =>
    call('tools/call', { name, arguments: args, ...(overrides?.request?.params ?? {}) }, overrides);
  return { provider, events, call, tool };
}

for (const [generation, server] of [
  ['1.x', serverOf1],
  ['2.x', serverOf2],
] as const)
  describe(`a server of the SDK ${generation}`, () => {
    it('lists what it offers, and who it is', async () => {
      const { provider } = await mounted(server);
      const snapshot = provider.snapshot();
      expect(snapshot).toMatchObject({ family: 'legacy', instructions: 'Use it.' });
      expect(snapshot?.serverInfo?.name).toMatch(/first|second/);
      expect(snapshot?.tools.map(({ name }) => name)).toContain('echo');
      expect(snapshot?.resources.map(({ uri }) => uri)).toEqual(['note://1']);
      expect(snapshot?.prompts.map(({ name }) => name)).toEqual(['hello']);
      await provider.stop();
    });

    it('answers calls, reads and prompts', async () => {
      const { tool, call, provider } = await mounted(server);
      expect(await tool('echo', {}, { message: 'hi' })).toMatchObject(text('hi'));
      expect(await call('resources/read', { uri: 'note://1' })).toMatchObject({ contents: [{ text: 'note' }] });
      expect(await call('prompts/get', { name: 'hello' })).toMatchObject({ messages: [{ role: 'user' }] });
      await provider.stop();
    });

    it('gives each client its own instance', async () => {
      const { tool, provider } = await mounted(server);
      expect(await tool('count')).toMatchObject(text('1'));
      expect(await tool('count')).toMatchObject(text('2'));
      expect(await tool('count', { session: { key: 'two' } })).toMatchObject(text('1'));
      expect(await tool('count', { session: undefined })).toMatchObject(text('1'));
      await provider.stop();
    });

    it('puts a question to the client of the call that asks, also when several run', async () => {
      const { tool, provider } = await mounted(server);
      const asking = (action: string) => ({
        channel: {
          notify: () => {},
          ask: (method: string) => Promise.resolve(method === 'elicitation/create' ? { action } : {}),
        },
      });
      const answers = await Promise.all(['decline', 'cancel', 'accept'].map((action) => tool('ask', asking(action))));
      expect(answers).toMatchObject([text('decline'), text('cancel'), text('accept')]);
      expect(await tool('ask')).toMatchObject({ isError: true });
      await provider.stop();
    });

    it('forwards progress under the token of the caller, and logs at the level that the client wants', async () => {
      const { provider, call } = await mounted(server);
      const sent: ModelNotification[] = [];
      const channel = { notify: (notification: ModelNotification) => sent.push(notification) };
      await call('tools/call', { name: 'chat', arguments: {}, _meta: { progressToken: 'mine' } }, { channel });
      expect(sent.map(({ method }) => method)).toEqual(['notifications/progress', 'notifications/message']);
      expect(sent[0]?.params).toMatchObject({ progressToken: 'mine', progress: 1 });
      sent.length = 0;
      const modern = { family: 'modern', revision: '2026-07-28', capabilities: {} } as const;
      await call('tools/call', { name: 'chat', arguments: {} }, { channel, client: modern, session: undefined });
      expect(sent).toEqual([]);
      await provider.stop();
    });

    it('cancels', async () => {
      const { tool, provider } = await mounted(server);
      const scope = new CallScope('1', testPrincipal, 0);
      const result = tool('hang', { scope });
      await wait(5);
      scope.cancel('client');
      await expect(result).rejects.toMatchObject({ code: 'SW_CANCELLED' });
      expect(await tool('count')).toMatchObject(text('1'));
      await provider.drain();
      await provider.stop();
    });

    it('passes errors on, a missing resource as ours', async () => {
      const { call, provider } = await mounted(server);
      await expect(call('prompts/get', { name: 'none' })).rejects.toMatchObject({ name: 'PeerError' });
      await expect(call('resources/read', { uri: 'note://none' })).rejects.toSatisfy(
        (thrown: { code?: string; error?: { code: number } }) =>
          thrown.code === 'SW_RESOURCE_UNKNOWN' || thrown.error?.code === -32602,
      );
      await provider.stop();
    });

    it('tells of changed lists and of resources that were subscribed to', async () => {
      const { tool, provider, events } = await mounted(server);
      await tool('grow');
      await wait(10);
      expect(events).toContainEqual({ kind: 'snapshot', lists: ['tools'] });
      const session = { key: 'one' };
      const subscription = provider.subscribe({ resources: ['note://1'], principalId: 'p', session });
      expect(await subscription.accepted).toEqual(['note://1']);
      await tool('touch');
      expect(events).toContainEqual({ kind: 'resource-updated', uri: 'note://1', params: { uri: 'note://1' } });
      subscription.close();
      await provider.stop();
    });

    it('refuses calls before start and after stop, and stops twice', async () => {
      const { tool, provider } = await mounted(server);
      await provider.stop();
      await provider.stop();
      await expect(tool('count')).rejects.toMatchObject({ code: 'SW_UPSTREAM_UNAVAILABLE' });
      expect(provider.health().status).toBe('unhealthy');
    });
  });
