import { readFileSync } from 'node:fs';
import { Writable } from 'node:stream';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import type { Provider, ProviderEvent } from '#gateway/catalog/index.js';
import { createUpstream, type UpstreamConfig } from '#gateway/upstreams/index.js';
import { CallScope } from '#kernel/context/index.js';
import { createLogger, silentLogger, type Logger } from '#kernel/telemetry/index.js';
import type { Family, JsonObject, ModelNotification, ModelRequest } from '#protocol/model/index.js';
import { plainResult, testClient, testPrincipal, textOf, toolCall } from '../contract/provider.js';
import { sdkFixtureOverStdio, startSdkFixture } from '../support/sdk-fixture.js';
import {
  everythingOverStdio,
  startEverything,
  startWorkbench,
  workbenchOverStdio,
} from '../support/upstream-servers.js';

const running: Provider[] = [];
const started = async (config: UpstreamConfig, logger: Logger = silentLogger): Promise<Provider> => {
  const provider = createUpstream('subject', config, { logger, environment: { ...process.env, SECRET: 'ours' } });
  running.push(provider);
  await provider.start();
  return provider;
};
afterEach(() => Promise.all(running.splice(0).map((provider) => provider.stop())));

const stops: (() => Promise<unknown>)[] = [];
afterAll(() => Promise.all(stops.map((stop) => stop())));
/** Starts a server once, for the tests that need it. */
function once<Server extends { stop(signal: 'SIGKILL'): Promise<unknown> }>(start: () => Promise<Server>) {
  let starting: Promise<Server> | undefined;
  return () => {
    if (!starting) {
      starting = start();
      stops.push(async () => (await starting)?.stop('SIGKILL'));
    }
    return starting;
  };
}
const workbench = once(() => startWorkbench('both'));
const legacyWorkbench = once(() => startWorkbench('legacy'));
const fixture = once(() => startSdkFixture('both'));
const everything = once(() => startEverything('streamableHttp'));

const call = (
  family: Family,
  request: ModelRequest,
  ask?: (method: string, params: JsonObject) => Promise<JsonObject>,
) => {
  const notifications: ModelNotification[] = [];
  const suspended: (number | undefined)[] = [];
  return {
    notifications,
    suspended,
    request,
    client: testClient(family, { elicitation: { form: {} }, sampling: {}, roots: {} }),
    scope: new CallScope('call', testPrincipal, performance.now()),
    channel: {
      notify: (notification: ModelNotification) => notifications.push(notification),
      suspend: (retryMs?: number) => suspended.push(retryMs),
      ...(ask ? { ask } : {}),
    },
    session: family === 'legacy' ? { key: 'one' } : undefined,
  };
};
const tool = (name: string, args: JsonObject = {}): ModelRequest => ({
  method: 'tools/call',
  params: { name, arguments: args },
});
const errorOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('the family of a call', () => {
  it.each([
    ['stdio', async (): Promise<UpstreamConfig> => workbenchOverStdio('both')],
    ['http', async (): Promise<UpstreamConfig> => ({ url: (await workbench()).url })],
  ])('is the caller’s where the server speaks both, over %s', async (_transport, configOf) => {
    const provider = await started(await configOf());
    expect(provider.snapshot()?.family).toBe('modern');
    const modern = plainResult(await provider.invoke(toolCall('modern', 'echo', { text: 'a' })));
    expect(modern['resultType']).toBe('complete');
    expect(provider.health().details?.['families']).toEqual(['modern']);
    const legacy = plainResult(await provider.invoke(toolCall('legacy', 'echo', { text: 'a' })));
    expect(legacy['resultType']).toBeUndefined();
    expect(provider.health().details?.['families']).toEqual(['modern', 'legacy']);
  });

  it.each(['modern', 'legacy'] as const)('is the server’s where it speaks %s only', async (family) => {
    const provider = await started(workbenchOverStdio(family));
    const other = family === 'modern' ? 'legacy' : 'modern';
    expect(textOf(await provider.invoke(toolCall(other, 'echo', { text: 'across' })))).toBe('across');
    expect(provider.health().details?.['families']).toEqual([family]);
  });
});

describe('a question of the server', () => {
  const configs: [string, () => Promise<UpstreamConfig>][] = [
    ['stdio', async () => sdkFixtureOverStdio],
    ['http', async () => ({ url: (await fixture()).url })],
  ];

  it.each(configs)('reaches the legacy client that calls, over %s', async (_transport, configOf) => {
    const provider = await started(await configOf());
    const asked: string[] = [];
    const result = await provider.invoke(
      call('legacy', tool('test_elicitation', { message: 'who?' }), async (method) => {
        asked.push(method);
        return { action: 'accept', content: { username: 'ann', email: 'a@example.com' } };
      }),
    );
    expect(asked).toEqual(['elicitation/create']);
    expect(textOf(result)).toContain('action=accept');
  });

  it.each(configs)('is a result for a modern client, over %s', async (_transport, configOf) => {
    const provider = await started(await configOf());
    const result = plainResult(await provider.invoke(call('modern', tool('test_input_required_result_elicitation'))));
    expect(result['resultType']).toBe('input_required');
    expect(result['inputRequests']).toHaveProperty('user_name');
  });

  it('is refused where the call cannot ask', async () => {
    const provider = await started({ url: (await everything()).url });
    const result = plainResult(
      await provider.invoke(call('legacy', tool('trigger-sampling-request', { prompt: 'p' }))),
    );
    expect(result).toMatchObject({ isError: true });
    expect(JSON.stringify(result)).toContain('-32601');
  });

  it('reaches the one call in flight on a shared stdio session', async () => {
    const provider = await started(everythingOverStdio);
    const result = await provider.invoke(
      call('legacy', tool('trigger-sampling-request', { prompt: 'p' }), async () => ({
        role: 'assistant',
        model: 'test',
        content: { type: 'text', text: 'sampled' },
      })),
    );
    expect(textOf(result)).toContain('sampled');
  });
});

describe('a legacy server over HTTP', () => {
  it('answers on a stream that is taken up again', async () => {
    const provider = await started({ url: (await fixture()).url });
    const polled = call('legacy', tool('test_reconnection'));
    expect(textOf(await provider.invoke(polled))).not.toBe('');
    expect(polled.suspended).toHaveLength(1);
  });

  it('gets a session per client session, and all are ended', async () => {
    const { url } = await legacyWorkbench();
    const sessions = async () => (await fetch(`${url}/sessions`, { method: 'PUT' })).json() as Promise<number>;
    const provider = await started({ url });
    const before = await sessions();
    for (const key of ['a', 'b', 'a'])
      await provider.invoke(toolCall('legacy', 'echo', { text: '' }, { session: { key } }));
    await provider.invoke(toolCall('modern', 'echo', { text: '' }));
    expect(await sessions()).toBe(before + 3);
    await provider.stop();
    expect(await sessions()).toBe(before - 1);
  });

  it('that forgot the session gets a new one, and the call again', async () => {
    const { url } = await legacyWorkbench();
    const provider = await started({ url });
    await provider.invoke(toolCall('legacy', 'echo', { text: 'before' }));
    await fetch(`${url}/forget`, { method: 'PUT' });
    expect(textOf(await provider.invoke(toolCall('legacy', 'echo', { text: 'after' })))).toBe('after');
  });
});

describe('an announcement of the server', () => {
  const configs: [string, Family, () => Promise<UpstreamConfig>][] = [
    ['stdio', 'modern', async () => workbenchOverStdio('modern')],
    ['stdio', 'legacy', async () => workbenchOverStdio('legacy')],
    ['http', 'modern', async () => ({ url: (await workbench()).url })],
    ['http', 'legacy', async () => ({ url: (await legacyWorkbench()).url })],
  ];

  it.each(configs)('of a new tool makes a new snapshot, over %s, %s', async (_transport, family, configOf) => {
    const provider = await started(await configOf());
    const events: ProviderEvent[] = [];
    provider.onEvent((event) => events.push(event));
    const known = provider.snapshot()?.hash;
    await vi.waitFor(async () => {
      await provider.invoke(toolCall(family, 'grow', {}));
      expect(events).toContainEqual({ kind: 'snapshot', lists: ['tools'] });
      expect(provider.snapshot()?.hash).not.toBe(known);
    }, 5_000);
  });

  it.each(configs)(
    'of a changed resource reaches who subscribed, over %s, %s',
    async (_transport, family, configOf) => {
      const provider = await started(await configOf());
      const uris: string[] = [];
      provider.onEvent((event) => event.kind === 'resource-updated' && uris.push(event.uri));
      const interest = {
        resources: ['note://one'],
        principalId: testPrincipal.id,
        session: family === 'legacy' ? { key: 'session-of-the-test' } : undefined,
        client: testClient(family),
      };
      const subscription = provider.subscribe(interest);
      expect(await subscription.accepted).toEqual(['note://one']);
      await vi.waitFor(async () => {
        await provider.invoke(toolCall(family, 'touch', {}));
        expect(uris).toContain('note://one');
      }, 5_000);
      subscription.close();
    },
  );
});

describe('a result', () => {
  it.each([
    ['stdio', async (): Promise<UpstreamConfig> => workbenchOverStdio('modern')],
    ['http', async (): Promise<UpstreamConfig> => ({ url: (await workbench()).url })],
  ])('over the limit ends its call only, over %s', async (_transport, configOf) => {
    const provider = await started({ ...(await configOf()), maxResultBytes: 100_000 });
    const big = provider.invoke(toolCall('modern', 'big', { bytes: 300_000 }));
    const [tooLarge, small] = await Promise.all([
      errorOf(big),
      provider.invoke(toolCall('modern', 'echo', { text: 'small' })),
    ]);
    expect(tooLarge).toMatchObject({ code: 'SW_RESULT_TOO_LARGE' });
    expect(textOf(small)).toBe('small');
    expect(textOf(await provider.invoke(toolCall('modern', 'big', { bytes: 90_000 })))).toHaveLength(90_000);
  });

  it('of a missing resource is -32602 with its uri for a modern client of a legacy server', async () => {
    const provider = await started(sdkFixtureOverStdio);
    const request = { method: 'resources/read', params: { uri: 'test://missing' } };
    expect(await errorOf(provider.invoke(call('modern', request)))).toMatchObject({
      error: { code: -32602, data: { uri: 'test://missing' } },
    });
  });
});

describe('a request', () => {
  it('mirrors annotated arguments in headers', async () => {
    const provider = await started({ url: (await workbench()).url });
    expect(textOf(await provider.invoke(toolCall('modern', 'mirrored', { region: 'Zürich' })))).toBe('in Zürich');
  });

  it('carries the text of its arguments where parsing lost something', async () => {
    const provider = await started(workbenchOverStdio('both'));
    const { request, ...rest } = toolCall('modern', 'echo', { text: 'parsed' });
    const exact = { ...request, argumentsText: '{\n"text":"as written"}' };
    expect(textOf(await provider.invoke({ ...rest, request: exact }))).toBe('as written');
  });

  it('sets the log level of its client and gets the messages', async () => {
    const provider = await started(workbenchOverStdio('legacy'));
    const silent = call('legacy', tool('log'));
    const logging = { ...call('legacy', tool('log')), client: { ...testClient('legacy'), logLevel: 'debug' as const } };
    await provider.invoke({ ...silent, client: { ...silent.client, logLevel: 'error' } });
    await provider.invoke(logging);
    expect(silent.notifications).toEqual([]);
    expect(logging.notifications.map(({ method }) => method)).toEqual(['notifications/message']);
  });

  it('that is cancelled is cancelled at the server', async () => {
    for (const [family, config] of [
      ['modern', workbenchOverStdio('modern')],
      ['legacy', workbenchOverStdio('legacy')],
      ['modern', { url: (await workbench()).url }],
      ['legacy', { url: (await workbench()).url }],
    ] as const) {
      const provider = await started(config);
      const count = async () => Number(textOf(await provider.invoke(toolCall(family, 'cancelled', {}))));
      const before = await count();
      const slow = toolCall(family, 'wait', { ms: 60_000 });
      const outcome = errorOf(provider.invoke(slow));
      await count();
      slow.scope.cancel('client');
      expect(await outcome).toMatchObject({ code: 'SW_CANCELLED' });
      await vi.waitFor(async () => expect(await count()).toBe(before + 1), 5_000);
    }
  });
});

describe('a child process', () => {
  it('gets a scrubbed environment and what the configuration sets', async () => {
    const provider = await started({ ...workbenchOverStdio('legacy'), env: { GIVEN: 'yes' } });
    const environment = JSON.parse(textOf(await provider.invoke(toolCall('legacy', 'environment', {})))) as JsonObject;
    expect(environment).toMatchObject({ GIVEN: 'yes', PATH: process.env['PATH'] });
    expect(environment).not.toHaveProperty('SECRET');
  });

  it('that ends loses the calls in flight and is started again', async () => {
    const provider = await started(workbenchOverStdio('legacy'));
    expect(await errorOf(provider.invoke(toolCall('legacy', 'exit', {})))).toMatchObject({ code: 'SW_UPSTREAM_LOST' });
    expect(provider.health()).toMatchObject({
      status: 'degraded',
      message: expect.stringContaining('code 3') as string,
    });
    await vi.waitFor(
      async () => expect(textOf(await provider.invoke(toolCall('legacy', 'echo', { text: 'back' })))).toBe('back'),
      10_000,
    );
    // A reading of the lists that failed meanwhile is made again.
    await vi.waitFor(() => expect(provider.health().status).toBe('healthy'), 10_000);
  });

  it.each([
    ['does not exist', { command: '/no/such/program' }, /ENOENT/],
    [
      'ends at once',
      { command: process.execPath, args: ['-e', 'console.error("no licence"); process.exit(9)'] },
      /code 9/,
    ],
  ])('that %s is reported, not thrown', async (_what, config, message) => {
    const provider = await started(config);
    expect(provider.snapshot()).toBeUndefined();
    expect(provider.health()).toMatchObject({ status: 'unhealthy', message: expect.stringMatching(message) as string });
    expect(await errorOf(provider.invoke(toolCall('modern', 'echo', {})))).toMatchObject({
      code: 'SW_UPSTREAM_UNAVAILABLE',
    });
  });

  it('that dies at start leaves its last words for the operator', async () => {
    const provider = await started({
      command: process.execPath,
      args: ['-e', 'console.error("no licence"); process.exit(9)'],
    });
    expect(await errorOf(provider.refresh())).toMatchObject({ details: { stderr: ['no licence'] } });
  });

  it('that does not survive a request before initialize is asked again on a fresh process', async () => {
    const provider = await started({ command: process.execPath, args: ['-e', fragileServer] });
    expect(provider.snapshot()).toMatchObject({ family: 'legacy', serverInfo: { name: 'fragile' } });
  });

  it('that is silent to an unknown request is asked in the legacy family', async () => {
    const provider = await started({ command: process.execPath, args: ['-e', mutedServer] });
    expect(provider.snapshot()).toMatchObject({ family: 'legacy', serverInfo: { name: 'fragile' } });
  });

  it('that is modern and slow to start is not taken for a legacy one', async () => {
    const provider = await started({ command: process.execPath, args: ['-e', slowModernServer] });
    expect(provider.snapshot()).toMatchObject({ family: 'modern', serverInfo: { name: 'slow' } });
  });

  it('has its stderr in the log', async () => {
    const lines: string[] = [];
    await started(
      everythingOverStdio,
      recording((line) => lines.push(line)),
    );
    expect(lines).toContain('Starting default (STDIO) server...');
  });

  it('ends with all that it started', async () => {
    const lines: string[] = [];
    const logger = recording((line) => lines.push(line));
    const background = 'sleep 60 & echo "pid $!" >&2';
    const provider = await started(
      { command: '/bin/sh', args: ['-c', `${background}; exec "$0" -e "$1"`, process.execPath, mutedServer] },
      logger,
    );
    const pid = Number(lines.join('\n').match(/pid (\d+)/)?.[1]);
    expect(() => process.kill(pid, 0)).not.toThrow();
    await provider.stop();
    await vi.waitFor(() => expect(isRunning(pid)).toBe(false), 5_000);
  });
});

/** A process that has ended may stay as a zombie where nobody collects orphans. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** A logger that hands the lines of a child's stderr on. */
function recording(onLine: (line: string) => void): Logger {
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      for (const text of chunk.toString().split('\n').filter(Boolean)) {
        const { line } = JSON.parse(text) as { line?: string };
        if (line !== undefined) onLine(line);
      }
      done();
    },
  });
  return createLogger({ destination });
}

/** Answers initialize, and ends on anything that comes before. */
const fragileServer = `
const lines = require("node:readline").createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const { id, method } = JSON.parse(line);
  if (id === undefined) return;
  if (method !== "initialize") process.exit(1);
  const result = { protocolVersion: "2025-06-18", capabilities: {}, serverInfo: { name: "fragile", version: "1" } };
  console.log(JSON.stringify({ jsonrpc: "2.0", id, result }));
});`;
const mutedServer = fragileServer.replace('process.exit(1)', 'return');

/** Modern only, and silent for longer than the probe waits. */
const slowModernServer = `
const discovered = {
  resultType: "complete", supportedVersions: ["2026-07-28"], capabilities: {},
  _meta: { "io.modelcontextprotocol/serverInfo": { name: "slow", version: "1" } },
};
setTimeout(() => {
  const lines = require("node:readline").createInterface({ input: process.stdin });
  lines.on("line", (line) => {
    const { id, method } = JSON.parse(line);
    if (id === undefined) return;
    const answer = method === "server/discover" ? { result: discovered } : { error: { code: -32601, message: "no" } };
    console.log(JSON.stringify({ jsonrpc: "2.0", id, ...answer }));
  });
}, 3000);`;
