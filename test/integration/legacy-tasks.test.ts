import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createUpstream } from '#gateway/upstreams/index.js';
import { silentLogger } from '#kernel/telemetry/index.js';
import { extension, meta, type JsonObject } from '#protocol/model/index.js';
import { eventually } from '../support/eventually.js';
import { startMcpHttp, type McpTestServer, type ModernOptions } from '../support/mcp-http.js';
import { legacyTasksOverStdio, startLegacyTasks } from '../support/upstream-servers.js';

const declared = { elicitation: {}, extensions: { [extension.tasks]: {} } };
const access = ['owner', 'reader'].map((role) => ({ role, allow: ['*:*'] }));

for (const transport of ['http', 'stdio'] as const)
  describe(`tasks of 2025-11-25 over ${transport}`, () => {
    let server: McpTestServer;
    let upstream: Awaited<ReturnType<typeof startLegacyTasks>> | undefined;
    beforeAll(async () => {
      upstream = transport === 'http' ? await startLegacyTasks() : undefined;
      const config = upstream ? { url: upstream.url } : legacyTasksOverStdio;
      const old = createUpstream('old', config, { logger: silentLogger, environment: process.env });
      server = await startMcpHttp({ providers: [old], access });
      await server.catalog.started();
    });
    afterAll(async () => {
      await server.close();
      await upstream?.stop('SIGKILL');
    });

    const ask = async (method: string, params: object, options: ModernOptions = {}) => {
      const { json, events, status } = await server.call(method, params, { capabilities: declared, ...options });
      return { ...(json ?? events.findLast(({ message }) => message?.id !== undefined)?.message), status };
    };
    const result = async (method: string, params: object, options?: ModernOptions): Promise<JsonObject> => {
      const answer = await ask(method, params, options);
      if (!answer.result) throw new Error(JSON.stringify(answer));
      return answer.result;
    };
    const call = (name: string, args: object = {}, options?: ModernOptions, more: object = {}) =>
      result('tools/call', { name: `old__${name}`, arguments: args, ...more }, options);
    const start = async (name: string, args?: object) => String((await call(name, args))['taskId']);
    const until = async (taskId: string, status: string): Promise<JsonObject> => {
      let state: JsonObject = {};
      await eventually(async () => (state = await result('tasks/get', { taskId }))['status'] === status, 8000);
      return state;
    };

    describe('for a modern client that knows tasks', () => {
      it('are offered as the extension', async () => {
        const { capabilities } = await result('server/discover', {});
        expect(capabilities).toMatchObject({ extensions: { [extension.tasks]: {} } });
        expect(capabilities).not.toHaveProperty('tasks');
      });

      it('are flat, with units in their names, and carry their result', async () => {
        const created = await call('research', { text: 'gold', ms: 100 });
        expect(created).toMatchObject({ resultType: 'task', status: 'working', ttlMs: 3_600_000, pollIntervalMs: 50 });
        for (const name of ['task', 'ttl', 'pollInterval']) expect(created).not.toHaveProperty(name);
        const taskId = String(created['taskId']);
        const done = await until(taskId, 'completed');
        expect(done).toMatchObject({ taskId, result: { content: [{ text: 'Found gold.' }] } });
        expect(JSON.stringify(done)).not.toContain(meta.relatedTask);
      });

      it('that end with an error of the tool are completed', async () => {
        const done = await until(await start('broken'), 'completed');
        expect(done['result']).toMatchObject({ isError: true, content: [{ text: 'It broke.' }] });
      });

      it('show the questions of the server and take the answers', async () => {
        const taskId = await start('confirm', { text: 'delete' });
        const state = await until(taskId, 'input_required');
        const [key = '', ...others] = Object.keys(state['inputRequests'] as object);
        expect(others).toEqual([]);
        expect((state['inputRequests'] as JsonObject)[key]).toMatchObject({
          method: 'elicitation/create',
          params: { message: 'Really delete?' },
        });
        const inputResponses = { [key]: { action: 'accept', content: { ok: true } } };
        expect(await result('tasks/update', { taskId, inputResponses })).toMatchObject({ resultType: 'complete' });
        const done = await until(taskId, 'completed');
        expect(done['result']).toMatchObject({ content: [{ text: 'accept {"ok":true}' }] });
      });

      it('are cancelled, also twice', async () => {
        const taskId = await start('research', { ms: 60_000 });
        expect(await result('tasks/cancel', { taskId })).toMatchObject({ resultType: 'complete' });
        expect(await result('tasks/get', { taskId })).toMatchObject({ status: 'cancelled' });
        expect(await result('tasks/cancel', { taskId })).toMatchObject({ resultType: 'complete' });
      });

      it('are nobody else’s', async () => {
        const taskId = await start('research', { ms: 60_000 });
        const foreign = await ask('tasks/get', { taskId }, { role: 'reader' });
        expect(foreign.error).toMatchObject({ code: -32602, data: { code: 'SW_TASK_UNKNOWN' } });
        await result('tasks/cancel', { taskId });
      });

      it('leave other tools alone', async () => {
        expect(await call('plain')).toMatchObject({ resultType: 'complete', content: [{ text: 'Plain.' }] });
      });
    });

    describe('for a modern client that does not know tasks', () => {
      const options = { capabilities: { elicitation: {} } };

      it('a tool that must be one is run as one, and its result is the answer', async () => {
        const answer = await call('broken', {}, options);
        expect(answer).toMatchObject({ resultType: 'complete', isError: true, content: [{ text: 'It broke.' }] });
      });

      it('a tool that may be one is simply called', async () => {
        expect(await call('research', { text: 'tin' }, options)).toMatchObject({ content: [{ text: 'Found tin.' }] });
      });

      it('its questions are those of the call', async () => {
        const asked = await call('confirm', { text: 'this' }, options);
        expect(asked).toMatchObject({ resultType: 'input_required' });
        const [key = ''] = Object.keys(asked['inputRequests'] as object);
        const answer = await call('confirm', { text: 'this' }, options, {
          requestState: asked['requestState'],
          inputResponses: { [key]: { action: 'decline' } },
        });
        expect(answer).toMatchObject({ resultType: 'complete', content: [{ text: 'decline undefined' }] });
      });
    });

    describe('for a legacy client', () => {
      const task = { ttl: 60_000 };

      it('are offered as they are, but for the list of everybody’s', async () => {
        const session = await server.session();
        const { tasks } = session.initialized['capabilities'] as JsonObject;
        expect(tasks).toEqual({ cancel: {}, requests: { tools: { call: {} } } });
        const { tools } = (await session.result('tools/list')) as { tools: JsonObject[] };
        expect(tools.find(({ name }) => name === 'old__confirm')?.['execution']).toEqual({ taskSupport: 'required' });
        expect((await session.call('tasks/list')).json?.error).toMatchObject({ code: -32601 });
      });

      it('are made, looked at and fetched under an id of ours', async () => {
        const session = await server.session();
        const created = await session.result('tools/call', {
          name: 'old__research',
          arguments: { text: 'iron', ms: 100 },
          task,
        });
        const { taskId, status, ttl } = created['task'] as JsonObject;
        expect([String(taskId).slice(0, 5), status, ttl]).toEqual(['swt1.', 'working', 60_000]);
        expect(await session.result('tasks/get', { taskId })).toMatchObject({ taskId });
        expect(await session.result('tasks/result', { taskId })).toMatchObject({
          content: [{ text: 'Found iron.' }],
          _meta: { [meta.relatedTask]: { taskId } },
        });
        const other = await server.session({ role: 'reader' });
        expect((await other.call('tasks/get', { taskId })).json?.error).toMatchObject({ code: -32602 });
      });

      it('ask on the stream of tasks/result, and name the task', async () => {
        const session = await server.session({ capabilities: { elicitation: {} } });
        const params = { name: 'old__confirm', arguments: { text: 'now' }, task };
        const { taskId } = (await session.result('tools/call', params))['task'] as JsonObject;
        const stream = await session.open('tasks/result', { taskId }, 'fetch');
        const question = await stream.message(({ method }) => method === 'elicitation/create');
        expect(question.params).toMatchObject({
          message: 'Really now?',
          _meta: { [meta.relatedTask]: { taskId } },
        });
        await session.answer(question.id as number, { result: { action: 'accept', content: { ok: true } } });
        const { result: done } = await stream.message(({ id }) => id === 'fetch');
        expect(done).toMatchObject({ content: [{ text: 'accept {"ok":true}' }] });
      });

      it('are cancelled, and answer as the server does', async () => {
        const session = await server.session();
        const params = { name: 'old__research', arguments: { ms: 60_000 }, task };
        const { taskId } = (await session.result('tools/call', params))['task'] as JsonObject;
        expect(await session.result('tasks/cancel', { taskId })).toMatchObject({ taskId, status: 'cancelled' });
        expect((await session.call('tasks/update', { taskId })).json?.error).toMatchObject({ code: -32601 });
      });
    });
  });
