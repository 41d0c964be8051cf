import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createUpstream, type UpstreamConfig } from '#gateway/upstreams/index.js';
import { silentLogger } from '#kernel/telemetry/index.js';
import { extension, type JsonObject } from '#protocol/model/index.js';
import { eventually } from '../support/eventually.js';
import { startMcpHttp, type McpTestServer, type ModernOptions } from '../support/mcp-http.js';
import { startTaskServer, taskServerOverStdio } from '../support/upstream-servers.js';

const tasksDeclared = { elicitation: {}, extensions: { [extension.tasks]: {} } };
const access = [
  { role: 'owner', allow: ['*:*'] },
  { role: 'reader', allow: ['jobs:tools/*'] },
];

interface Setup {
  readonly server: McpTestServer;
  stop(): Promise<void>;
}

/** The gateway in front of the task server, over one transport. */
async function gateway(transport: 'http' | 'stdio', callTimeoutMs = 10_000): Promise<Setup> {
  const upstream = transport === 'http' ? await startTaskServer() : undefined;
  const config: UpstreamConfig = upstream ? { url: upstream.url } : taskServerOverStdio;
  const jobs = createUpstream('jobs', config, { logger: silentLogger, environment: process.env });
  const server = await startMcpHttp({ providers: [jobs], access, limits: { callTimeoutMs } });
  await server.catalog.started();
  return {
    server,
    stop: async () => {
      await server.close();
      await upstream?.stop('SIGKILL');
    },
  };
}

for (const transport of ['http', 'stdio'] as const)
  describe(`tasks of a modern server over ${transport}`, () => {
    let setup: Setup;
    let server: McpTestServer;
    beforeAll(async () => {
      setup = await gateway(transport);
      server = setup.server;
    });
    afterAll(() => setup.stop());

    const ask = async (method: string, params: object, options: ModernOptions = {}) => {
      const reply = await server.call(method, params, { capabilities: tasksDeclared, ...options });
      return { ...reply.json, status: reply.status };
    };
    const result = async (method: string, params: object, options?: ModernOptions): Promise<JsonObject> => {
      const answer = await ask(method, params, options);
      if (!answer.result) throw new Error(JSON.stringify(answer));
      return answer.result;
    };
    const start = async (name: string, args: object = {}, options?: ModernOptions) => {
      const created = await result('tools/call', { name: `jobs__${name}`, arguments: args }, options);
      expect(created['resultType']).toBe('task');
      return String(created['taskId']);
    };
    const until = async (taskId: string, status: string, options?: ModernOptions): Promise<JsonObject> => {
      let state: JsonObject = {};
      await eventually(async () => {
        state = await result('tasks/get', { taskId }, options);
        return state['status'] === status;
      });
      return state;
    };
    const log = async (): Promise<string[]> => {
      const { content } = await result('tools/call', { name: 'jobs__task_log' });
      return JSON.parse((content as { text: string }[])[0]?.text ?? '') as string[];
    };

    describe('for a client that declares the extension', () => {
      it('is offered by discover', async () => {
        const { capabilities } = await result('server/discover', {});
        expect(capabilities).toMatchObject({ extensions: { [extension.tasks]: {} } });
      });

      it('gives the task under an id of ours, and its result byte for byte', async () => {
        const created = await result('tools/call', {
          name: 'jobs__slow_compute',
          arguments: { seconds: 0.2, label: 'one' },
        });
        expect(created).toMatchObject({ resultType: 'task', status: 'working', ttlMs: 60_000, pollIntervalMs: 50 });
        const taskId = String(created['taskId']);
        expect(taskId).toMatch(/^swt1\.[\w-]+$/);
        const done = await until(taskId, 'completed');
        expect(done).toMatchObject({
          resultType: 'complete',
          taskId,
          result: { content: [{ text: 'Computed one.' }], structuredContent: { label: 'one' } },
        });
      });

      it('delivers answers in parts and acknowledges them', async () => {
        const taskId = await start('multi_input');
        const state = await until(taskId, 'input_required');
        const [first = '', second = ''] = Object.keys(state['inputRequests'] as object);
        const answer = { action: 'accept', content: { name: 'Ada' } };
        const ack = await result('tasks/update', { taskId, inputResponses: { [first]: answer } });
        expect(Object.keys(ack).sort()).toEqual(['_meta', 'resultType']);
        expect(Object.keys((await result('tasks/get', { taskId }))['inputRequests'] as object)).toEqual([second]);
        await result('tasks/update', { taskId, inputResponses: { [second]: answer } });
        await until(taskId, 'completed');
      });

      it('cancels, also twice', async () => {
        const taskId = await start('slow_compute', { seconds: 60 });
        await result('tasks/cancel', { taskId });
        await until(taskId, 'cancelled');
        expect((await ask('tasks/cancel', { taskId })).result).toMatchObject({ resultType: 'complete' });
      });

      it('shows a task that failed as the server does', async () => {
        const failed = await until(await start('protocol_error_job'), 'failed');
        expect(failed['error']).toEqual({ code: -32603, message: 'The job broke the protocol.', data: { job: 1 } });
      });

      it('asks first and goes on as a task after that', async () => {
        const name = 'jobs__test_tool_with_task';
        const asked = await result('tools/call', { name, arguments: {} });
        expect(asked).toMatchObject({ resultType: 'input_required' });
        const created = await result('tools/call', {
          name,
          arguments: {},
          inputResponses: { user_name: { action: 'accept', content: { name: 'Alice' } } },
          requestState: asked['requestState'],
        });
        const done = await until(String(created['taskId']), 'completed');
        expect(done['result']).toMatchObject({ content: [{ text: 'Task done for Alice.' }] });
      });

      it('tells the states of a task to whoever listens to it, and of nobody else’s', async () => {
        const taskId = await start('confirm_delete', { filename: 'x' });
        const foreign = await start('slow_compute', { seconds: 60 }, { role: 'reader' });
        const stream = await server.client.open(
          server.modern(
            'subscriptions/listen',
            { notifications: { taskIds: [taskId, foreign, 'made-up'] } },
            { capabilities: tasksDeclared, id: 'listen' },
          ),
        );
        const ack = await stream.message(({ method }) => method === 'notifications/subscriptions/acknowledged');
        expect(ack.params?.['notifications']).toEqual({ taskIds: [taskId] });
        const { inputRequests } = await until(taskId, 'input_required');
        const [key = ''] = Object.keys(inputRequests as object);
        await result('tasks/update', {
          taskId,
          inputResponses: { [key]: { action: 'accept', content: { confirm: true } } },
        });
        const told = await stream.message(({ params }) => params?.['status'] === 'completed');
        expect(told).toMatchObject({
          method: 'notifications/tasks',
          params: { taskId, _meta: { 'io.modelcontextprotocol/subscriptionId': 'listen' } },
        });
        stream.drop();
        await result('tasks/cancel', { taskId: foreign }, { role: 'reader' });
      });
    });

    describe('are nobody else’s', () => {
      it('so the id of another principal, a changed one and an invented one are unknown alike', async () => {
        const taskId = await start('slow_compute', { seconds: 60 });
        const answers = await Promise.all([
          ask('tasks/get', { taskId }, { role: 'reader' }),
          ask('tasks/cancel', { taskId }, { role: 'reader' }),
          ask('tasks/update', { taskId, inputResponses: {} }, { role: 'reader' }),
          ask('tasks/get', { taskId: `${taskId.slice(0, -2)}AA` }),
          ask('tasks/get', { taskId: 'made-up' }),
        ]);
        for (const { status, error } of answers)
          expect([status, error?.code, error?.data?.['code']]).toEqual([200, -32602, 'SW_TASK_UNKNOWN']);
        expect(await result('tasks/get', { taskId })).toMatchObject({ status: 'working' });
        await result('tasks/cancel', { taskId });
      });

      it('and served at the route of their provider as well', async () => {
        const taskId = await start('slow_compute', { seconds: 60 });
        expect(await result('tasks/get', { taskId }, { provider: 'jobs' })).toMatchObject({ taskId });
        await result('tasks/cancel', { taskId });
      });

      it('and the header must name the same task as the body', async () => {
        const taskId = await start('slow_compute', { seconds: 60 });
        const answer = await ask('tasks/get', { taskId }, { headers: { 'mcp-name': 'another' } });
        expect([answer.status, answer.error?.code]).toEqual([400, -32020]);
        await result('tasks/cancel', { taskId });
      });

      it('and methods that the extension removed do not exist', async () => {
        for (const method of ['tasks/result', 'tasks/list'])
          expect(await ask(method, { taskId: 'x' })).toMatchObject({ status: 404, error: { code: -32601 } });
      });
    });

    describe('for a modern client that does not declare the extension', () => {
      const undeclared = { capabilities: {} };
      it('run at once where the server can', async () => {
        const answer = await result(
          'tools/call',
          { name: 'jobs__slow_compute', arguments: { seconds: 0, label: 'now' }, task: { ttl: 1 } },
          undeclared,
        );
        expect(answer).toMatchObject({ resultType: 'complete', content: [{ text: 'Computed now.' }] });
      });

      it('are refused by a server that cannot, and so are the methods', async () => {
        const refusal = { status: 400, error: { code: -32021 } };
        expect(await ask('tools/call', { name: 'jobs__failing_job', arguments: {} }, undeclared)).toMatchObject(
          refusal,
        );
        expect(await ask('tasks/get', { taskId: 'x' }, undeclared)).toMatchObject({
          status: 400,
          error: { code: -32021, data: { requiredCapabilities: { extensions: { [extension.tasks]: {} } } } },
        });
      });

      it('are waited for where the server makes one nevertheless', async () => {
        const answer = await result('tools/call', { name: 'jobs__rogue_task', arguments: {} }, undeclared);
        expect(answer).toMatchObject({ resultType: 'complete', content: [{ text: 'The rogue is done.' }] });
        expect(answer).not.toHaveProperty('taskId');
      });
    });

    describe('for a legacy client', () => {
      it('are not offered', async () => {
        const session = await server.session();
        expect(JSON.stringify(session.initialized['capabilities'])).not.toContain('tasks');
      });

      it('are waited for, and the result is the answer', async () => {
        const session = await server.session();
        const params = { name: 'jobs__slow_compute', arguments: { seconds: 0.2, label: 'old' }, task: { ttl: 1000 } };
        const answer = await session.result('tools/call', params);
        expect(answer).toMatchObject({ content: [{ text: 'Computed old.' }], structuredContent: { label: 'old' } });
        expect(answer).not.toHaveProperty('resultType');
        const failing = await session.result('tools/call', { name: 'jobs__failing_job', arguments: {} });
        expect(failing).toMatchObject({ isError: true, content: [{ text: 'The job failed.' }] });
        const broken = await session.call('tools/call', { name: 'jobs__protocol_error_job', arguments: {} });
        expect(broken.json?.error).toMatchObject({ code: -32603, message: 'The job broke the protocol.' });
      });

      it('ask through requests on the stream of the call', async () => {
        const session = await server.session({ capabilities: { elicitation: {} } });
        const stream = await session.open('tools/call', { name: 'jobs__multi_input', arguments: {} }, 'call');
        for (const name of ['Ada', 'Grace']) {
          const asked = new Set<unknown>();
          const question = await stream.message(
            ({ id, method, params }) =>
              method === 'elicitation/create' &&
              !asked.has(id) &&
              params?.['message'] === (name === 'Ada' ? 'First name?' : 'Second name?'),
          );
          asked.add(question.id);
          await session.answer(question.id as number, { result: { action: 'accept', content: { name } } });
        }
        const { result: done } = await stream.message(({ id }) => id === 'call');
        expect(JSON.stringify(done)).toContain('Grace');
      });

      it('fail where the client cannot be asked, and are cancelled', async () => {
        const session = await server.session();
        const answer = await session.result('tools/call', {
          name: 'jobs__confirm_delete',
          arguments: { filename: 'y' },
        });
        expect(answer).toMatchObject({ isError: true });
        await eventually(async () => (await log()).includes('cancelled confirm_delete'));
      });

      it('are cancelled with the call', async () => {
        const session = await server.session();
        const before = (await log()).length;
        const call = session.call('tools/call', { name: 'jobs__slow_compute', arguments: { seconds: 60 } }, 'slow');
        // Seen: the gateway knows the task and waits for it.
        await eventually(async () => (await log()).slice(before).includes('seen'));
        await session.notify('notifications/cancelled', { requestId: 'slow' });
        await eventually(async () => (await log()).slice(before).includes('cancelled slow_compute'));
        expect((await call).json?.error?.data).toMatchObject({ code: 'SW_CANCELLED' });
      });
    });
  });

describe('the deadline of a call', () => {
  let setup: Setup;
  beforeAll(async () => {
    setup = await gateway('http', 400);
  });
  afterAll(() => setup.stop());

  it('ends the wait for a task, and the task', async () => {
    const { server } = setup;
    const session = await server.session();
    const reply = await session.call('tools/call', { name: 'jobs__slow_compute', arguments: { seconds: 60 } });
    expect(reply.json?.error?.data).toMatchObject({ code: 'SW_DEADLINE_EXCEEDED' });
    await eventually(async () =>
      JSON.stringify(await session.result('tools/call', { name: 'jobs__task_log' })).includes('cancelled slow_compute'),
    );
  });
});
