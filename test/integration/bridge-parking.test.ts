import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { startLegacyAsker, type LegacyAsker } from '../support/legacy-asker.js';
import { ModernClient } from '../support/modern-client.js';
import { startSeaworthy, type Seaworthy } from '../support/seaworthy-process.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A raw legacy server, which asks its clients; `opensAt`: see there. */
async function asker(options?: Parameters<typeof startLegacyAsker>[0]): Promise<LegacyAsker> {
  const started = await startLegacyAsker(options);
  cleanups.push(started.stop);
  return started;
}

/** The built gateway in front of servers, open to everyone on this machine, and a client of 2026-07-28. */
async function gateway(servers: Record<string, object>, config: object = {}) {
  const program = await startSeaworthy({
    config: {
      auth: { mode: 'none' },
      access: [{ role: 'anonymous', allow: ['*:*'] }],
      limits: { concurrencyPerPrincipal: 500, concurrencyPerProvider: 500 },
      mcpServers: servers,
      ...config,
    },
  });
  cleanups.push(() => program.stop());
  const client = new ModernClient(`${program.url}/${Object.keys(servers)[0] ?? ''}`);
  cleanups.push(() => client.close());
  return { program, client };
}

async function metric(program: Seaworthy, name: string): Promise<number> {
  const text = await (await fetch(`${program.operationsUrl}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`${name} `) || each.startsWith(`${name}{`));
  return line === undefined ? 0 : Number(line.slice(line.lastIndexOf(' ') + 1));
}

type Question = { key: string; state: string };
type CallAnswer = Awaited<ReturnType<ModernClient['callTool']>>;

/** The only question of an answer, and its state. */
function questionOf({ result, error }: CallAnswer): Question {
  expect(error).toBeUndefined();
  expect(result?.['resultType']).toBe('input_required');
  const [key = ''] = Object.keys(result?.['inputRequests'] as object);
  return { key, state: result?.['requestState'] as string };
}
const accepted = (name: unknown) => ({ action: 'accept', content: { name } });
const retryOf = ({ key, state }: Question, name: unknown) => ({
  requestState: state,
  inputResponses: { [key]: accepted(name) },
});
const textOf = ({ result }: CallAnswer): string => (result?.['content'] as { text: string }[])[0]?.text ?? '';

describe('calls that wait for a modern client', () => {
  it('are answered out of order, 200 at once, each with its own answer, up to the caps', async () => {
    const server = await asker();
    const { program, client } = await gateway(
      { asker: { url: server.url, maxConnections: 250 } },
      { bridge: { maxCallsPerPrincipal: 200, maxCalls: 1000 } },
    );
    const questions = await Promise.all(
      Array.from({ length: 200 }, async (_, index) =>
        questionOf(await client.callTool('ask', { arguments: { message: `m${index}` } })),
      ),
    );
    expect(await metric(program, 'seaworthy_parked_calls')).toBe(200);
    expect(await metric(program, 'seaworthy_parked_bytes')).toBeGreaterThan(200 * 50);
    expect(server.running.size).toBe(200);

    const refused = await client.callTool('ask', { arguments: { message: 'one more' } });
    expect(refused.error?.data).toMatchObject({ code: 'SW_CONCURRENCY_LIMITED', hint: expect.any(String) });
    expect(await metric(program, 'seaworthy_parked_refused_total{reason="principal"}')).toBe(1);
    await eventually(() => server.running.size === 200);

    const shuffled = questions.map((question, index) => ({ question, index, key: (index * 73) % 200 }));
    shuffled.sort((a, b) => a.key - b.key);
    const answers = await Promise.all(
      shuffled.map(async ({ question, index }) => {
        const params = { arguments: { message: `m${index}` }, ...retryOf(question, `n${index}`) };
        return JSON.parse(textOf(await client.callTool('ask', params))) as unknown;
      }),
    );
    expect(answers).toEqual(shuffled.map(({ index }) => accepted(`n${index}`)));
    expect(await metric(program, 'seaworthy_parked_calls')).toBe(0);
    expect(await metric(program, 'seaworthy_parked_bytes')).toBe(0);
    expect(server.running.size).toBe(0);
  });

  it('get their answers also where they hold every connection that calls may have', async () => {
    const server = await asker();
    const { client } = await gateway({ asker: { url: server.url, maxConnections: 2 } });
    const questions = await Promise.all(['a', 'b'].map(async () => questionOf(await client.callTool('ask'))));
    for (const question of questions)
      expect(textOf(await client.callTool('ask', retryOf(question, 'through')))).toContain('through');
    questionOf(await client.callTool('ask'));
  });

  it('are bounded together and in bytes, and what is refused does not stay open upstream', async () => {
    const server = await asker();
    const { program, client } = await gateway(
      { asker: { url: server.url } },
      { bridge: { maxCalls: 2, maxBytes: 4096 } },
    );
    for (const message of ['a', 'b']) questionOf(await client.callTool('ask', { arguments: { message } }));
    const third = await client.callTool('ask', { arguments: { message: 'c' } });
    expect(third.error?.data).toMatchObject({ code: 'SW_OVERLOADED', retryable: true });
    const long = await client.callTool('ask', { arguments: { message: 'x'.repeat(5000) } });
    expect(long.error?.data).toMatchObject({ code: 'SW_OVERLOADED' });
    await eventually(() => server.running.size === 2);
    expect(await metric(program, 'seaworthy_parked_refused_total{reason="calls"}')).toBe(2);
  });

  it('end upstream when their time is over, without a client', async () => {
    const server = await asker();
    const { program, client } = await gateway({ asker: { url: server.url } }, { bridge: { parkedMs: 1000 } });
    const question = questionOf(await client.callTool('ask', {}));
    expect(server.running.size).toBe(1);
    await eventually(() => server.running.size === 0);
    const late = await client.callTool('ask', retryOf(question, 'late'));
    expect(late).toMatchObject({ status: 200, error: { code: -32602, data: { code: 'SW_STATE_INVALID' } } });
    expect(await metric(program, 'seaworthy_parked_refused_total{reason="expired"}')).toBe(1);
    expect(server.seen.filter(({ method }) => method === 'tools/call')).toHaveLength(1);
  });

  it('go through every round with a state of its own, used once', async () => {
    const { client } = await gateway({ asker: { url: (await asker()).url } });
    const first = questionOf(await client.callTool('ask_twice'));
    const second = questionOf(await client.callTool('ask_twice', retryOf(first, 'one')));
    expect(second.state).not.toBe(first.state);
    const replayed = await client.callTool('ask_twice', retryOf(first, 'again'));
    expect(replayed.error).toMatchObject({ code: -32602, data: { code: 'SW_STATE_INVALID' } });
    const done = await client.callTool('ask_twice', retryOf(second, 'two'));
    expect(JSON.parse(textOf(done))).toEqual([accepted('one'), accepted('two')]);
  });

  it('are asked only what the client declared: the rest is declined, or the call refused where nothing is left', async () => {
    const server = await asker();
    const { client } = await gateway({ asker: { url: server.url } });
    const capabilities = { roots: {} };
    const asked = await client.callTool('ask_all', {}, { capabilities });
    const requests = asked.result?.['inputRequests'] as Record<string, object>;
    expect(Object.values(requests)).toEqual([{ method: 'roots/list' }]);
    const [key = ''] = Object.keys(requests);
    const inputResponses = { [key]: { roots: [{ uri: 'file:///a' }] }, extra: { ignored: true } };
    const requestState = asked.result?.['requestState'];
    const done = await client.callTool('ask_all', { requestState, inputResponses }, { capabilities });
    expect(JSON.parse(textOf(done))).toMatchObject([
      { action: 'decline' },
      { message: expect.stringContaining('sampling/createMessage') },
      { roots: [{ uri: 'file:///a' }] },
    ]);
    const refused = await client.callTool('ask', {}, { capabilities });
    expect(refused).toMatchObject({
      status: 400,
      error: { code: -32021, data: { requiredCapabilities: { elicitation: { form: {} } } } },
    });
    await eventually(() => server.running.size === 0);
  });
});

describe('pages that a legacy server wants opened', () => {
  it('before the call are a question, and nothing stays open', async () => {
    const server = await asker({ opensAt: 3 });
    const { program, client } = await gateway({ asker: { url: server.url } });
    const asked = await client.callTool('pages');
    expect(asked.result?.['inputRequests']).toEqual({
      elicitation_1: {
        method: 'elicitation/create',
        params: { mode: 'url', url: 'https://example.com/consent', message: 'Allow it' },
      },
    });
    expect(server.running.size).toBe(0);
    expect(await metric(program, 'seaworthy_parked_calls')).toBe(0);
    const consent = (answer: CallAnswer, action: string) => ({
      requestState: answer.result?.['requestState'],
      inputResponses: { elicitation_1: { action } },
    });
    const declined = await client.callTool('pages', consent(asked, 'decline'));
    expect(declined.error?.data).toMatchObject({ code: 'SW_INPUT_DECLINED' });
    const again = await client.callTool('pages', consent(asked, 'accept'));
    const done = await client.callTool('pages', consent(again, 'accept'));
    expect(textOf(done)).toBe('"opened"');
  });

  it('during the call are asked without the id that only the legacy family has', async () => {
    const { client } = await gateway({ asker: { url: (await asker()).url } });
    const asked = await client.callTool('ask_page');
    expect(JSON.stringify(asked.result?.['inputRequests'])).not.toContain('elicitationId');
    const refused = await client.callTool('ask_page', {}, { capabilities: { elicitation: {} } });
    expect(refused.error).toMatchObject({
      code: -32021,
      data: { requiredCapabilities: { elicitation: { url: {} } } },
    });
  });
});

describe('a state of another process', () => {
  /** Two gateways on one key ring: the second starts with a copy of the first one's keys. */
  async function replicas(server: LegacyAsker) {
    const home = await mkdtemp(join(tmpdir(), 'seaworthy-replicas-'));
    cleanups.push(() => rm(home, { recursive: true, force: true }));
    const servers = { asker: { url: server.url } };
    const first = await gateway(servers, { dataDir: join(home, 'a') });
    await cp(join(home, 'a', 'keys'), join(home, 'b', 'keys'), { recursive: true });
    return { first, second: await gateway(servers, { dataDir: join(home, 'b') }), home, servers };
  }
  const refusal = {
    status: 200,
    error: { code: -32602, data: { code: 'SW_STATE_INVALID', hint: expect.stringContaining('Start the call again') } },
  };

  it('is refused by the replica that does not hold the call, which goes on where it waits', async () => {
    const server = await asker();
    const { first, second } = await replicas(server);
    const question = questionOf(await first.client.callTool('ask'));
    expect(await second.client.callTool('ask', retryOf(question, 'elsewhere'))).toMatchObject(refusal);
    expect(server.seen.filter(({ method }) => method === 'tools/call')).toHaveLength(1);
    expect(textOf(await first.client.callTool('ask', retryOf(question, 'here')))).toContain('here');
  });

  it('is refused after its process was killed, and the call is never run again by itself', async () => {
    const server = await asker();
    const { first, home, servers } = await replicas(server);
    const question = questionOf(await first.client.callTool('ask'));
    await first.program.kill();
    const reborn = await gateway(servers, { dataDir: join(home, 'a') });
    expect(await reborn.client.callTool('ask', retryOf(question, 'back'))).toMatchObject(refusal);
    expect(server.seen.filter(({ method }) => method === 'tools/call')).toHaveLength(1);
    expect(await metric(reborn.program, 'seaworthy_parked_refused_total{reason="state"}')).toBe(1);
  });

  it('of pages is taken by any replica: nothing was open', async () => {
    const { first, second } = await replicas(await asker());
    const asked = await first.client.callTool('pages');
    const requestState = asked.result?.['requestState'];
    const inputResponses = { elicitation_1: { action: 'accept' } };
    expect(textOf(await second.client.callTool('pages', { requestState, inputResponses }))).toBe('"opened"');
  });

  it('ends with the process: a stop does not wait for clients', async () => {
    const server = await asker();
    const { program, client } = await gateway({ asker: { url: server.url } });
    questionOf(await client.callTool('ask'));
    expect(await program.stop()).toBe(0);
    await eventually(() => server.running.size === 0);
  });
});
