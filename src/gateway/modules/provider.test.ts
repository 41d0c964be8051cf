import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { CallScope } from '#kernel/context/index.js';
import { fail } from '#kernel/errors/index.js';
import {
  defineModule,
  structured,
  tool,
  type ModuleContext,
  type Provisioned,
  testModule,
  testPrincipal,
} from './index.js';
import type { ModelNotification } from '#protocol/model/index.js';

const annotations = { readOnlyHint: true };

const moduleOf = (provision: (ctx: ModuleContext) => Provisioned) =>
  defineModule({ id: 'sample', doc: 'A sample.', config: z.strictObject({ n: z.number().default(1) }), provision });

const withTool = (overrides: Partial<Parameters<typeof tool>[0]>) =>
  testModule(
    moduleOf(() => ({
      tools: [
        tool({ name: 't', description: 'A tool.', input: z.object({}), annotations, run: () => 'done', ...overrides }),
      ],
    })),
  );

const text = (result: Record<string, unknown>) => (result['content'] as { text: string }[])[0]?.text;

describe('tools/call', () => {
  it('turns a text into a content block', async () => {
    const { callTool } = await withTool({ run: () => 'hello' });
    expect(await callTool('t')).toEqual({ content: [{ type: 'text', text: 'hello' }] });
  });

  it('hands the parsed arguments to run', async () => {
    const module = await testModule(
      moduleOf(() => ({
        tools: [
          tool({
            name: 'add',
            description: 'Adds.',
            input: z.object({ a: z.number(), b: z.number().default(2) }),
            annotations,
            run: ({ a, b }) => structured({ sum: a + b }),
          }),
        ],
      })),
    );
    expect(await module.callTool('add', { a: 1 })).toEqual({
      content: [{ type: 'text', text: '{"sum":3}' }],
      structuredContent: { sum: 3 },
    });
    expect(module.provider.snapshot()?.tools[0]?.inputSchema).toEqual({
      type: 'object',
      properties: { a: { type: 'number' }, b: { type: 'number', default: 2 } },
      required: ['a'],
    });
  });

  it('answers arguments that do not fit with a result that names path and problem', async () => {
    const { callTool } = await withTool({ input: z.object({ a: z.object({ b: z.number() }) }) });
    const result = await callTool('t', { a: { b: 'x' } });
    expect(result['isError']).toBe(true);
    expect(text(result)).toMatch(/a\.b: .*number/);
  });

  it('lists a raw schema verbatim and validates with it', async () => {
    const jsonSchema = { type: 'object', $defs: { a: { $anchor: 'x', type: 'string' } }, additionalProperties: false };
    const { callTool, provider } = await withTool({ input: { jsonSchema } });
    expect(provider.snapshot()?.tools[0]?.inputSchema).toBe(jsonSchema);
    expect(text(await callTool('t', { extra: 1 }))).toMatch(/additional properties \(extra\)/);
    expect(text(await callTool('t', {}))).toBe('done');
  });

  it('refuses an unknown tool and arguments that are no object', async () => {
    const { callTool } = await withTool({});
    await expect(callTool('nope')).rejects.toMatchObject({ code: 'SW_TOOL_UNKNOWN' });
    await expect(callTool('t', [] as never)).rejects.toMatchObject({ code: 'SW_PARAMS_INVALID' });
  });

  it('shows a typed error with code and hint', async () => {
    const { callTool } = await withTool({
      run: () => {
        throw fail('SW_KEY_UNKNOWN', { id: 'k1' });
      },
    });
    const result = await callTool('t');
    expect(result['isError']).toBe(true);
    expect(text(result)).toBe('No key has the id k1 (SW_KEY_UNKNOWN). List them with `seaworthy keys list`.');
  });

  it('hides an unknown error from the caller', async () => {
    const { callTool } = await withTool({ run: () => Promise.reject(new TypeError('secret path /etc')) });
    const result = await callTool('t');
    expect(result['isError']).toBe(true);
    expect(JSON.stringify(result)).not.toContain('secret');
  });

  it('takes a result that breaks its output schema for a bug', async () => {
    const { callTool } = await withTool({ output: z.object({ n: z.number() }), run: () => structured({ n: 'one' }) });
    expect((await callTool('t'))['isError']).toBe(true);
  });

  it('cuts off a tool at its own time budget and tells it', async () => {
    let cancelled: string | undefined;
    const { callTool, clock } = await withTool({
      timeoutMs: 100,
      run: async (_args, call) => {
        call.scope.onCancel((reason) => (cancelled = reason));
        await call.sleep(1000);
        return 'late';
      },
    });
    const result = callTool('t');
    await clock.advanceAsync(100);
    expect(text(await result)).toMatch(/SW_DEADLINE_EXCEEDED/);
    expect(cancelled).toBe('deadline');
  });

  it('refuses a result above its byte budget', async () => {
    const { callTool } = await withTool({ maxResultBytes: 4, run: () => 'hello' });
    expect(text(await callTool('t'))).toMatch(/SW_RESULT_TOO_LARGE/);
  });

  it('rejects with SW_CANCELLED when the caller has gone', async () => {
    const { callTool } = await withTool({ run: (_args, call) => call.sleep(1000).then(() => 'late') });
    const scope = new CallScope('c', testPrincipal, 0);
    const result = callTool('t', {}, { scope });
    scope.cancel('client');
    await expect(result).rejects.toMatchObject({ code: 'SW_CANCELLED' });
  });
});

describe('notifications', () => {
  const chatty = () =>
    withTool({
      run: (_args, call) => {
        call.progress(1, 2, 'half');
        call.log('debug', 'd');
        call.log('info', { i: 1 });
        call.log('error', 'e', 'other');
        return 'done';
      },
    });
  const methods = (sent: ModelNotification[]) => sent.map(({ method, params }) => [method, params['level']]);

  it('reports progress only to a caller that sent a token', async () => {
    const { callTool } = await chatty();
    const notifications: ModelNotification[] = [];
    await callTool('t', {}, { notifications });
    expect(notifications).toEqual([]);
    await callTool('t', {}, { notifications, meta: { progressToken: 7 } });
    expect(notifications).toEqual([
      { method: 'notifications/progress', params: { progressToken: 7, progress: 1, total: 2, message: 'half' } },
    ]);
  });

  it.each([
    ['modern', undefined, []],
    ['modern', 'error', ['error']],
    ['modern', 'debug', ['debug', 'info', 'error']],
    ['legacy', undefined, ['info', 'error']],
    ['legacy', 'error', ['error']],
  ] as const)('logs to a %s client with level %s', async (family, logLevel, levels) => {
    const { callTool } = await chatty();
    const notifications: ModelNotification[] = [];
    await callTool('t', {}, { notifications, family, ...(logLevel && { logLevel }) });
    expect(methods(notifications)).toEqual(levels.map((level) => ['notifications/message', level]));
  });

  it('falls silent once the call is answered', async () => {
    let late = (): void => {};
    const { callTool } = await withTool({
      run: (_args, call) => {
        late = () => call.progress(2);
        return 'done';
      },
    });
    const notifications: ModelNotification[] = [];
    await callTool('t', {}, { notifications, meta: { progressToken: 1 } });
    late();
    expect(notifications).toEqual([]);
  });
});

describe('life of a module provider', () => {
  it('provisions nothing before start', async () => {
    let provisions = 0;
    const module = moduleOf(() => {
      provisions++;
      return {};
    });
    module.configure({});
    expect(provisions).toBe(0);
    await testModule(module);
    expect(provisions).toBe(1);
  });

  it('refuses unknown configuration keys with the path', async () => {
    await expect(
      testModule(
        moduleOf(() => ({})),
        { m: 1 },
      ),
    ).rejects.toThrow(/modules\.sample: .*"m"/);
  });

  it('reports a failed provision in its health and undoes it', async () => {
    let undone = false;
    const module = moduleOf((ctx) => {
      ctx.onStop(() => void (undone = true));
      throw fail('SW_STORAGE_UNAVAILABLE', { reason: 'no disk' });
    });
    await expect(testModule(module)).rejects.toMatchObject({ code: 'SW_STORAGE_UNAVAILABLE' });
    expect(undone).toBe(true);
  });

  it('refuses duplicate names and undeclared scopes', async () => {
    const one = tool({ name: 't', description: 'x', input: z.object({}), annotations, run: () => '' });
    await expect(testModule(moduleOf(() => ({ tools: [one, one] })))).rejects.toThrow('tool t is offered twice');
    await expect(testModule(moduleOf(() => ({ tools: [{ ...one, scopes: ['sample:x'] }] })))).rejects.toThrow(
      'scope sample:x is not declared',
    );
  });

  it('waits for calls in flight while draining, and takes no new ones', async () => {
    const { callTool, provider, clock } = await withTool({ run: (_args, call) => call.sleep(10).then(() => 'done') });
    const running = callTool('t');
    let drained = false;
    const drain = provider.drain().then(() => (drained = true));
    await clock.advanceAsync(0);
    expect(drained).toBe(false);
    await expect(callTool('t')).rejects.toMatchObject({ code: 'SW_DRAINING' });
    await clock.advanceAsync(10);
    await drain;
    expect(text(await running)).toBe('done');
    await provider.stop();
    await provider.stop();
    await expect(callTool('t')).rejects.toMatchObject({ code: 'SW_UPSTREAM_UNAVAILABLE' });
  });

  it('reads dynamic lists anew on changed, and then says so', async () => {
    const names = ['a'];
    let change = (): void => {};
    const { provider, events, callTool, clock } = await testModule(
      moduleOf((ctx) => {
        change = () => ctx.changed('tools');
        return {
          tools: () =>
            names.map((name) => tool({ name, description: name, input: z.object({}), annotations, run: () => name })),
        };
      }),
    );
    const before = provider.snapshot();
    names.push('b');
    change();
    await clock.advanceAsync(0);
    expect(events).toEqual([{ kind: 'snapshot', lists: ['tools'] }]);
    expect(provider.snapshot()?.hash).not.toBe(before?.hash);
    expect(text(await callTool('b'))).toBe('b');
  });
});
