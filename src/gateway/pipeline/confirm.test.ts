import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineModule, elicit, inputRequired, tool } from '#gateway/modules/index.js';
import { eventually } from '../../../test/support/eventually.js';
import { startMcpHttp, type McpTestServer } from '../../../test/support/mcp-http.js';

const ran: string[] = [];
const shelf = defineModule({
  id: 'shelf',
  doc: 'One plain tool, and one with a question of its own.',
  config: z.strictObject({}),
  provision: () => ({
    tools: [
      tool({
        name: 'burn',
        description: 'Burns.',
        input: z.object({ what: z.string() }),
        annotations: {},
        run: ({ what }) => {
          ran.push(what);
          return `burnt ${what}`;
        },
      }),
      tool({
        name: 'curious',
        description: 'Asks.',
        input: z.object({}),
        annotations: {},
        run: (_args, { responses }) => {
          if (!responses.has('who')) return inputRequired({ who: elicit('Who?', z.object({ name: z.string() })) });
          ran.push('curious');
          return 'thanks';
        },
      }),
    ],
  }),
});

let server: McpTestServer;
beforeAll(async () => {
  server = await startMcpHttp({
    modules: [shelf],
    access: [
      { role: 'owner', allow: ['shelf:*'], confirm: true },
      { role: 'reader', allow: ['shelf:*'], confirm: true },
    ],
  });
});
afterAll(() => server.close());
beforeEach(() => ran.splice(0));

const form = { elicitation: { form: {} } };
const agree = { confirmation: { action: 'accept', content: { confirm: true } } };

interface Answer {
  readonly result?: {
    resultType?: string;
    requestState?: string;
    inputRequests?: Record<string, { params: { message: string } }>;
  };
  readonly error?: { data: { code: string } };
}

async function burn(
  more: object = {},
  options: object = {},
  args: object = { what: 'a' },
  name = 'burn',
): Promise<Answer> {
  const params = { name: `shelf__${name}`, arguments: args, ...more };
  const reply = await server.call('tools/call', params, { capabilities: form, ...options });
  return (reply.json ??
    reply.events.findLast(({ message }) => message?.id !== undefined)?.message) as unknown as Answer;
}

describe('a modern client', () => {
  it('is asked first, with the arguments as data, and its consent is good once', async () => {
    const first = await burn({}, {}, { what: 'a\u202e"\n' });
    const { requestState, inputRequests } = first.result ?? {};
    expect(first.result?.resultType).toBe('input_required');
    const message = inputRequests?.['confirmation']?.params.message ?? '';
    expect(message).toContain('tool "burn" of shelf');
    expect(message).toContain('{"what":"a\\u{202e}\\"\\n"}');
    expect(ran).toEqual([]);
    const again = { requestState, inputResponses: agree };
    expect((await burn(again, {}, { what: 'a\u202e"\n' })).error).toBeUndefined();
    expect(ran).toHaveLength(1);
    expect((await burn(again, {}, { what: 'a\u202e"\n' })).error?.data.code).toBe('SW_STATE_INVALID');
    expect(ran).toHaveLength(1);
  });

  it.each([
    ['other arguments', {}, { what: 'b' }],
    ['another principal', { role: 'reader' }, { what: 'a' }],
  ])('cannot use a consent for %s', async (_what, options, args) => {
    const { requestState } = (await burn()).result ?? {};
    const refused = await burn({ requestState, inputResponses: agree }, options, args);
    expect(refused.error?.data.code).toBe('SW_STATE_INVALID');
    expect(ran).toEqual([]);
  });

  it.each([
    ['declines', { action: 'decline' }],
    ['cancels', { action: 'cancel' }],
    ['leaves the box empty', { action: 'accept', content: { confirm: false } }],
    ['says something else', { action: 'accept', content: { confirm: 'true' } }],
  ])('that %s is refused', async (_what, confirmation) => {
    const { requestState } = (await burn()).result ?? {};
    const refused = await burn({ requestState, inputResponses: { confirmation } });
    expect(refused.error?.data.code).toBe('SW_CONFIRMATION_DECLINED');
    expect(ran).toEqual([]);
  });

  it('is asked whatever state it makes up', async () => {
    expect((await burn({ inputResponses: agree })).result?.resultType).toBe('input_required');
    expect((await burn({ requestState: 'x', inputResponses: agree })).result?.resultType).toBe('input_required');
    expect((await burn({ requestState: 'swa1.x', inputResponses: agree })).error?.data.code).toBe('SW_STATE_INVALID');
    expect(ran).toEqual([]);
  });

  it('that cannot be asked is refused', async () => {
    expect((await burn({}, { capabilities: {} })).error?.data.code).toBe('SW_CONFIRMATION_UNAVAILABLE');
    expect(server.audit.at(-1)).toMatchObject({ outcome: 'refused', code: 'SW_CONFIRMATION_UNAVAILABLE' });
    expect(ran).toEqual([]);
  });

  it('agrees once for a call that has questions of its own', async () => {
    const first = await burn({}, {}, {}, 'curious');
    const second = await burn({ requestState: first.result?.requestState, inputResponses: agree }, {}, {}, 'curious');
    expect(Object.keys(second.result?.inputRequests ?? {})).toEqual(['who']);
    const inputResponses = { who: { action: 'accept', content: { name: 'Ada' } } };
    const third = await burn({ requestState: second.result?.requestState, inputResponses }, {}, {}, 'curious');
    expect(third.error).toBeUndefined();
    expect(ran).toEqual(['curious']);
  });
});

describe('a legacy client', () => {
  const asked = async (answer: object) => {
    const session = await server.session({ capabilities: { elicitation: {} } });
    const stream = await session.open('tools/call', { name: 'shelf__burn', arguments: { what: 'a' } });
    const last = () => stream.events.at(-1)?.message;
    await eventually(() => last()?.method === 'elicitation/create');
    expect(ran).toEqual([]);
    await session.answer(last()?.id as number, { result: answer } as never);
    await eventually(() => last()?.method === undefined);
    return last() as unknown as Answer;
  };

  it('is asked on the stream of its call', async () => {
    expect((await asked({ action: 'accept', content: { confirm: true } })).error).toBeUndefined();
    expect(ran).toEqual(['a']);
  });

  it('that declines is refused', async () => {
    expect((await asked({ action: 'decline' })).error?.data.code).toBe('SW_CONFIRMATION_DECLINED');
    expect(ran).toEqual([]);
  });

  it('that cannot be asked is refused', async () => {
    const session = await server.session();
    const reply = await session.call('tools/call', { name: 'shelf__burn', arguments: { what: 'a' } });
    expect(JSON.stringify(reply.json ?? reply.events)).toContain('SW_CONFIRMATION_UNAVAILABLE');
    expect(ran).toEqual([]);
  });
});
