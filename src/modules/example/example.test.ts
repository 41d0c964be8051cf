import { describe, expect, it } from 'vitest';
import { CallScope } from '#kernel/context/index.js';
import type { ModelNotification } from '#protocol/model/index.js';
import { testModule, testPrincipal } from '#gateway/modules/index.js';
import { moduleContract } from '../../../test/contract/module.js';
import { example } from './index.js';

moduleContract(example, { greeting: 'Ahoy' });

describe('example', () => {
  it('echoes', async () => {
    const { callTool } = await testModule(example);
    expect(await callTool('echo', { message: 'hi' })).toEqual({ content: [{ type: 'text', text: 'hi' }] });
  });

  it('adds', async () => {
    const { callTool } = await testModule(example);
    expect((await callTool('add', { a: 2, b: 0.5 }))['structuredContent']).toEqual({ sum: 2.5 });
  });

  it('counts down with progress', async () => {
    const { callTool, clock } = await testModule(example);
    const notifications: ModelNotification[] = [];
    const result = callTool('countdown', { from: 3 }, { notifications, meta: { progressToken: 'p' } });
    await clock.advanceAsync(3000);
    expect(await result).toEqual({ content: [{ type: 'text', text: 'Lift-off.' }] });
    expect(notifications.map(({ params }) => params['progress'])).toEqual([1, 2, 3]);
  });

  it('stops counting when the client cancels', async () => {
    const { callTool, clock } = await testModule(example);
    const scope = new CallScope('c', testPrincipal, 0);
    const result = callTool('countdown', { from: 60 }, { scope });
    scope.cancel('client');
    await expect(result).rejects.toMatchObject({ code: 'SW_CANCELLED' });
    expect(clock.pending).toBe(0);
  });

  it('asks for a name, and greets', async () => {
    const { callTool } = await testModule(example, { greeting: 'Ahoy' });
    const capabilities = { elicitation: {} };
    const asked = await callTool('ask_name', {}, { capabilities });
    expect(asked).toMatchObject({
      resultType: 'input_required',
      inputRequests: { name: { method: 'elicitation/create', params: { message: 'What is your name?' } } },
    });
    const answered = (response: unknown) =>
      callTool('ask_name', {}, { capabilities, inputResponses: { name: response } });
    expect(await answered({ action: 'accept', content: { name: 'Ada' } })).toEqual({
      content: [{ type: 'text', text: 'Ahoy, Ada!' }],
    });
    expect(await answered({ action: 'decline' })).toEqual({
      content: [{ type: 'text', text: 'The user prefers not to say.' }],
    });
    expect(await answered({ action: 'accept', content: { name: 1 } })).toMatchObject({ resultType: 'input_required' });
    await expect(callTool('ask_name')).rejects.toMatchObject({
      code: 'SW_CAPABILITY_MISSING',
      details: { requiredCapabilities: { elicitation: {} } },
    });
  });

  it('reads the fleet and a ship, and knows no other', async () => {
    const { readResource } = await testModule(example);
    expect(await readResource('example://fleet')).toEqual({
      contents: [{ uri: 'example://fleet', mimeType: 'application/json', text: '["aurora","borealis","calypso"]' }],
      ttlMs: 60_000,
      cacheScope: 'public',
    });
    expect(JSON.stringify(await readResource('example://ships/aurora'))).toContain('Bergen');
    for (const uri of ['example://ships/titanic', 'example://ships/__proto__', 'example://ships/', 'example://x'])
      await expect(readResource(uri)).rejects.toMatchObject({ code: 'SW_RESOURCE_UNKNOWN', details: { uri } });
  });

  it('completes ships and tones', async () => {
    const { complete } = await testModule(example);
    expect(
      await complete({
        ref: { type: 'ref/resource', uri: 'example://ships/{name}' },
        argument: { name: 'name', value: 'b' },
      }),
    ).toEqual({ completion: { values: ['borealis'], total: 1, hasMore: false } });
    expect(
      await complete({ ref: { type: 'ref/prompt', name: 'ship_report' }, argument: { name: 'ship', value: '' } }),
    ).toEqual({ completion: { values: [], total: 0, hasMore: false } });
  });

  it('writes the prompt, and refuses it without a ship', async () => {
    const { getPrompt } = await testModule(example);
    expect(JSON.stringify(await getPrompt('ship_report', { ship: 'aurora', tone: 'terse' }))).toContain('terse report');
    await expect(getPrompt('ship_report')).rejects.toThrow('needs the arguments ship');
  });
});
