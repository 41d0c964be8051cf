import { describe, expect, it } from 'vitest';
import { LegacyTestSession } from '../support/mcp-http.js';
import { expectTyped, faultyServers, onLinux } from './faulty-servers.js';

describe.runIf(onLinux)('a stdio server that fails during a call', () => {
  /** What the call ends with: a text or a code. A `stays` does not come back by itself. */
  const outcomes: Readonly<Record<string, { text: string } | { code: string; stays?: true }>> = {
    'die-during-call': { code: 'SW_UPSTREAM_LOST' },
    'die-after-result': { text: 'ok' },
    'die-in-half-a-line': { code: 'SW_UPSTREAM_LOST' },
    'fork-then-die': { code: 'SW_UPSTREAM_LOST' },
    'answer-twice': { text: 'ok' },
    'wrong-id': { code: 'SW_DEADLINE_EXCEEDED' },
    'id-of-another-type': { code: 'SW_DEADLINE_EXCEEDED' },
    'id-null': { code: 'SW_DEADLINE_EXCEEDED' },
    'no-answer': { code: 'SW_DEADLINE_EXCEEDED' },
    'result-and-error': { code: 'SW_UPSTREAM_PROTOCOL' },
    'neither-result-nor-error': { code: 'SW_UPSTREAM_PROTOCOL' },
    'result-is-no-object': { code: 'SW_UPSTREAM_PROTOCOL' },
    'invalid-utf8': { code: 'SW_UPSTREAM_PROTOCOL' },
    'truncated-json': { code: 'SW_UPSTREAM_PROTOCOL' },
    'deep-json': { code: 'SW_UPSTREAM_PROTOCOL' },
    'duplicate-keys': { code: 'SW_UPSTREAM_PROTOCOL' },
    'close-stdout': { code: 'SW_UPSTREAM_LOST' },
    // Nobody notices a closed input before the next write.
    'close-stdin': { code: 'SW_DEADLINE_EXCEEDED' },
    'stop-reading': { code: 'SW_DEADLINE_EXCEEDED', stays: true },
  };
  const { gateway, isBack } = faultyServers([...Object.keys(outcomes), 'huge-numbers']);

  it.concurrent.each(Object.entries(outcomes))('%s', { timeout: 60_000 }, async (fault, expected) => {
    await isBack(fault);
    const [outcome, bystander] = await Promise.all([
      gateway().call(fault, 'trigger', { text: 'ok' }),
      gateway().call('steady', 'echo', { text: 'steady' }),
    ]);
    expect(bystander.text).toBe('steady');
    if ('text' in expected) expect(outcome.text).toBe(expected.text);
    else {
      expect(outcome.code).toBe(expected.code);
      expectTyped(outcome);
    }
    if (!('stays' in expected)) await isBack(fault);
  });

  it('has its numbers passed on digit by digit', async () => {
    await isBack('huge-numbers');
    const { reply } = await gateway().call('huge-numbers', 'trigger');
    expect(reply.text).toContain('{"n":123456789012345678901234567890,"e":1e999}');
  });
});

describe.runIf(onLinux)('a stdio server that dies while its question is open', () => {
  const { gateway, isBack } = faultyServers(['die-with-question']);

  it('ends the call of the legacy client that it asked', async () => {
    await isBack('die-with-question');
    const keys = { owner: gateway().process.apiKey ?? '', reader: '', nobody: '' };
    const session = await LegacyTestSession.open(gateway().client, keys, {
      provider: 'die-with-question',
      capabilities: { elicitation: {} },
    });
    const stream = await session.open('tools/call', { name: 'trigger', arguments: {} });
    await stream.message(({ method }) => method === 'elicitation/create');
    const answer = await stream.message(({ error }) => error !== undefined);
    expect(answer.error?.data?.['code']).toBe('SW_UPSTREAM_LOST');
    expect(await stream.ended()).toEqual({ complete: true });
    await isBack('die-with-question');
  });
});
