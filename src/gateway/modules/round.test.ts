import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { JsonObject } from '#protocol/model/index.js';
import {
  defineModule,
  elicit,
  elicitUrl,
  inputRequired,
  listRoots,
  prompt,
  resource,
  sample,
  testModule,
  testPrincipal,
  tool,
  type ToolDefinition,
} from './index.js';

const form = z.object({ ok: z.boolean() });
const capabilities = { elicitation: {}, sampling: {}, roots: {} };
const yes = { action: 'accept', content: { ok: true } };

const asking = (overrides: Partial<ToolDefinition> = {}) =>
  tool({
    name: 'ask',
    description: 'Asks.',
    input: z.object({ n: z.number().default(0), m: z.number().optional() }),
    annotations: { readOnlyHint: true },
    run: (_args, call) =>
      call.state === undefined ? inputRequired({ q: elicit('Ok?', form) }, { round: 1 }) : JSON.stringify(call.state),
    ...overrides,
  });

const serve = (...tools: ToolDefinition[]) =>
  testModule(
    defineModule({
      id: 'sample',
      doc: 'A sample.',
      config: z.strictObject({}),
      provision: () => ({
        tools,
        prompts: [prompt({ name: 'p', description: 'P.', get: () => inputRequired({ r: listRoots() }, 's') })],
        resources: [resource({ uri: 'r://1', name: 'r', read: () => inputRequired({ s: sample('Hi') }) })],
      }),
    }),
  );

const text = (result: JsonObject) => (result['content'] as { text: string }[])[0]?.text;

describe('requestState', () => {
  const begun = async () => {
    const module = await serve(asking(), asking({ name: 'other' }));
    const asked = await module.callTool('ask', { n: 1, m: 2 }, { capabilities });
    return { ...module, requestState: asked['requestState'] as string };
  };

  it('comes back as call.state, whatever the order of the arguments', async () => {
    const { callTool, requestState } = await begun();
    expect(text(await callTool('ask', { m: 2, n: 1 }, { requestState }))).toBe('{"round":1}');
  });

  it('does not show its value', async () => {
    const { requestState } = await begun();
    expect(Buffer.from(requestState, 'base64url').toString('latin1')).not.toContain('round');
  });

  it.each<[string, (begun: { callTool: TestCall; requestState: string }) => Promise<unknown>]>([
    ['altered', ({ callTool, requestState }) => callTool('ask', { n: 1, m: 2 }, { requestState: `${requestState}x` })],
    ['of another tool', ({ callTool, requestState }) => callTool('other', { n: 1, m: 2 }, { requestState })],
    ['of other arguments', ({ callTool, requestState }) => callTool('ask', { n: 2, m: 2 }, { requestState })],
    [
      'of another caller',
      ({ callTool, requestState }) =>
        callTool('ask', { n: 1, m: 2 }, { requestState, principal: { ...testPrincipal, id: 'key:other' } }),
    ],
    ['no string', ({ callTool }) => callTool('ask', { n: 1, m: 2 }, { requestState: 7 })],
  ])('is refused when it is %s', async (_how, retry) => {
    await expect(retry(await begun())).rejects.toMatchObject({ code: 'SW_STATE_INVALID' });
  });

  it('is refused after ten minutes', async () => {
    const { callTool, requestState, clock } = await begun();
    clock.advance(10 * 60_000);
    expect(text(await callTool('ask', { n: 1, m: 2 }, { requestState }))).toBe('{"round":1}');
    clock.advance(1);
    await expect(callTool('ask', { n: 1, m: 2 }, { requestState })).rejects.toThrow('it has expired');
  });
});

type TestCall = Awaited<ReturnType<typeof testModule>>['callTool'];

describe('questions', () => {
  it('work for prompts and resources too', async () => {
    const { getPrompt, readResource } = await serve();
    expect(await getPrompt('p', {}, { capabilities })).toMatchObject({
      resultType: 'input_required',
      inputRequests: { r: { method: 'roots/list', params: {} } },
    });
    const read = await readResource('r://1', { capabilities });
    expect(read).toMatchObject({
      resultType: 'input_required',
      inputRequests: { s: { method: 'sampling/createMessage' } },
    });
    expect(read).not.toHaveProperty('requestState');
    await expect(readResource('r://1')).rejects.toMatchObject({ code: 'SW_CAPABILITY_MISSING' });
  });

  it('are refused where inputResponses is no object', async () => {
    const { callTool } = await serve(asking());
    for (const inputResponses of [null, 1, []])
      await expect(callTool('ask', {}, { capabilities, inputResponses })).rejects.toMatchObject({
        code: 'SW_PARAMS_INVALID',
      });
  });

  it.each([
    [{ elicitation: {} }, elicit('?', form), undefined],
    [{ elicitation: { form: {} } }, elicit('?', form), undefined],
    [{ elicitation: { url: {} } }, elicit('?', form), { elicitation: {} }],
    [{ elicitation: { url: {} } }, elicitUrl('?', 'https://example.com'), undefined],
    [{ elicitation: {} }, elicitUrl('?', 'https://example.com'), { elicitation: { url: {} } }],
    [{ sampling: {} }, sample({ messages: [], maxTokens: 1, tools: [] }), { sampling: { tools: {} } }],
    [{ sampling: { tools: {} } }, sample({ messages: [], maxTokens: 1, tools: [] }), undefined],
    [{}, listRoots(), { roots: {} }],
  ])('to a client with %j', async (declared, request, requiredCapabilities) => {
    const { callTool } = await serve(asking({ run: () => inputRequired({ q: request }) }));
    const asked = callTool('ask', {}, { capabilities: declared });
    if (requiredCapabilities === undefined) expect(await asked).toMatchObject({ inputRequests: { q: request } });
    else
      await expect(asked).rejects.toMatchObject({ code: 'SW_CAPABILITY_MISSING', details: { requiredCapabilities } });
  });

  it('without a request mean: call again later', async () => {
    const { callTool } = await serve(asking({ run: () => inputRequired({}) }));
    const asked = await callTool('ask');
    expect(asked).toMatchObject({ resultType: 'input_required', requestState: expect.any(String) as unknown });
    expect(asked).not.toHaveProperty('inputRequests');
  });
});

describe('answers', () => {
  const read = async (inputResponses: JsonObject) => {
    let seen: unknown;
    const { callTool } = await serve(
      asking({
        run: (_args, { responses }) => {
          seen = [
            responses.elicited('e'),
            responses.accepted('e', form),
            responses.sampledText('s'),
            responses.roots('r'),
          ];
          return '';
        },
      }),
    );
    await callTool('ask', {}, { inputResponses });
    return seen;
  };

  it('are read where their shape is right', async () => {
    expect(
      await read({
        e: yes,
        s: { role: 'assistant', model: 'm', content: { type: 'text', text: 'Paris' } },
        r: { roots: [{ uri: 'file:///a' }] },
      }),
    ).toEqual([yes, { ok: true }, 'Paris', [{ uri: 'file:///a' }]]);
  });

  it.each<JsonObject>([
    {},
    { e: 12345, s: 'x', r: [] },
    { e: { action: 'maybe' }, s: { role: 'assistant', content: {} }, r: { roots: [{}] } },
    { e: { action: 'accept', content: [] }, s: { role: 'x', model: 'm', content: {} }, r: { roots: 'all' } },
  ])('read as missing where it is wrong: %j', async (responses) => {
    expect(await read(responses)).toEqual([undefined, undefined, undefined, undefined]);
  });

  it('of a form that does not fit or was declined are not accepted', async () => {
    expect(await read({ e: { action: 'accept', content: { ok: 'yes' } } })).toContainEqual({
      action: 'accept',
      content: { ok: 'yes' },
    });
    for (const e of [
      { action: 'accept', content: { ok: 'yes' } },
      { action: 'decline', content: { ok: true } },
    ])
      expect(await read({ e })).not.toContainEqual({ ok: true });
  });
});

describe('confirm', () => {
  const confirming = (run: ToolDefinition['run']) => serve(asking({ confirm: ({ n }) => `Really ${String(n)}?`, run }));

  it('asks before it runs, and runs when the user accepts', async () => {
    let runs = 0;
    const { callTool } = await confirming(() => `ran ${++runs}`);
    const asked = await callTool('ask', { n: 3 }, { capabilities });
    expect(asked).toMatchObject({ inputRequests: { confirm: { params: { message: 'Really 3?' } } } });
    expect(runs).toBe(0);
    const requestState = asked['requestState'];
    const answer = (action: string) =>
      callTool('ask', { n: 3 }, { capabilities, requestState, inputResponses: { confirm: { action } } });
    expect(await answer('decline')).toMatchObject({ isError: true });
    expect(runs).toBe(0);
    expect(text(await answer('accept'))).toBe('ran 1');
  });

  it('takes no answer to a question that it did not ask', async () => {
    const { callTool } = await confirming(() => 'ran');
    const forged = { inputResponses: { confirm: { action: 'accept' } }, capabilities };
    expect(await callTool('ask', {}, forged)).toMatchObject({ resultType: 'input_required' });
  });

  it('refuses a client that cannot ask its user', async () => {
    const { callTool } = await confirming(() => 'ran');
    await expect(callTool('ask')).rejects.toMatchObject({ code: 'SW_CAPABILITY_MISSING' });
  });

  it('stays given in the rounds that follow', async () => {
    const { callTool } = await confirming((_args, call) =>
      call.responses.accepted('q', form) ? 'ran' : inputRequired({ q: elicit('Ok?', form) }),
    );
    const first = await callTool('ask', {}, { capabilities });
    const second = await callTool(
      'ask',
      {},
      { capabilities, requestState: first['requestState'], inputResponses: { confirm: { action: 'accept' } } },
    );
    expect(Object.keys(second['inputRequests'] as object)).toEqual(['q']);
    const third = await callTool(
      'ask',
      {},
      { capabilities, requestState: second['requestState'], inputResponses: { q: yes } },
    );
    expect(text(third)).toBe('ran');
  });
});
