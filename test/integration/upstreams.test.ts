import { afterAll } from 'vitest';
import { createUpstream, type UpstreamConfig } from '#gateway/upstreams/index.js';
import { silentLogger } from '#kernel/telemetry/index.js';
import { providerContract, type ProviderSubject } from '../contract/provider.js';
import {
  everythingOverStdio,
  startEverything,
  startWorkbench,
  workbenchOverStdio,
} from '../support/upstream-servers.js';

const upstream = (config: UpstreamConfig) =>
  createUpstream('subject', config, { logger: silentLogger, environment: process.env });

const workbenchSubject = (config: UpstreamConfig): ProviderSubject => ({
  provider: upstream(config),
  echo: { name: 'echo', arguments: (text) => ({ text }), answer: (text) => text },
  slow: { name: 'wait', arguments: { ms: 5_000 } },
  progress: { name: 'steps', arguments: { count: 20 }, count: 20 },
});

const everythingSubject = (config: UpstreamConfig): ProviderSubject => ({
  provider: upstream(config),
  echo: { name: 'echo', arguments: (message) => ({ message }), answer: (message) => `Echo: ${message}` },
  slow: { name: 'trigger-long-running-operation', arguments: { duration: 5, steps: 1 } },
  progress: { name: 'trigger-long-running-operation', arguments: { duration: 0.2, steps: 4 }, count: 4 },
});

/** One server process for all the providers of a suite. */
function shared(start: () => Promise<{ url: string; stop(signal: 'SIGKILL'): Promise<unknown> }>) {
  let starting: ReturnType<typeof start> | undefined;
  afterAll(async () => {
    await (await starting)?.stop('SIGKILL');
  });
  return async () => (starting ??= start());
}

for (const family of ['legacy', 'modern', 'both'] as const) {
  providerContract(`stdio, ${family}`, async () => workbenchSubject(workbenchOverStdio(family)));
  const server = shared(() => startWorkbench(family));
  providerContract(`http, ${family}`, async () => workbenchSubject({ url: (await server()).url }));
}

const streamable = shared(() => startEverything('streamableHttp'));
const sse = shared(() => startEverything('sse'));
providerContract('stdio, server-everything', async () => everythingSubject(everythingOverStdio));
providerContract('http, server-everything', async () => everythingSubject({ url: (await streamable()).url }));
providerContract('sse, server-everything', async () => everythingSubject({ url: (await sse()).url, type: 'sse' }));
providerContract('http that falls back to sse', async () => everythingSubject({ url: (await sse()).url }));
