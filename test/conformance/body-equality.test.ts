import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { sdkFixtureOf, sdkFixtureOverStdio, startSdkFixture } from '../support/sdk-fixture.js';
import { startSeaworthy } from '../support/seaworthy-process.js';
import { comparable, probes, type Crossing } from './body-equality.js';

let upstream: Awaited<ReturnType<typeof startSdkFixture>>;
beforeAll(async () => {
  upstream = await startSdkFixture();
});
afterAll(() => upstream.stop());

interface Path {
  readonly path: string;
  /** The families are crossed: the server speaks only the other one. Probes of its own family are left out. */
  readonly crossing?: Crossing;
  start(): Promise<{ readonly url: string; stop(): Promise<unknown> }>;
}

/** Paths to the same server. The first shows that the probes themselves are repeatable. */
const paths: readonly Path[] = [
  { path: 'a second instance', start: () => startSdkFixture() },
  { path: 'the gateway over HTTP', start: () => startGateway({ url: upstream.url }) },
  { path: 'the gateway over stdio', start: () => startGateway(sdkFixtureOverStdio) },
  { path: 'the gateway and a server that is slow to start', start: () => startGateway(slow(sdkFixtureOverStdio)) },
  { path: 'the gateway to a modern-only server over HTTP', crossing: 'to modern', start: () => inFrontOf('modern') },
  {
    path: 'the gateway to a modern-only server over stdio',
    crossing: 'to modern',
    start: () => startGateway(sdkFixtureOf('modern')),
  },
  { path: 'the gateway to a legacy-only server over HTTP', crossing: 'to legacy', start: () => inFrontOf('legacy') },
  {
    path: 'the gateway to a legacy-only server over stdio',
    crossing: 'to legacy',
    // Questions that a probe leaves unanswered keep a process each.
    start: () => startGateway({ ...sdkFixtureOf('legacy'), interactivePool: 16, maxProcesses: 20 }),
  },
];

describe.each(paths)('through $path, the answer equals the direct one', ({ start, crossing }) => {
  let running: { readonly url: string; stop(): Promise<unknown> };
  beforeAll(async () => {
    running = await start();
  });
  afterAll(() => running.stop());

  const asked = probes.filter(
    ({ name }) => crossing === undefined || name.startsWith('legacy ') === (crossing === 'to modern'),
  );
  it.each(asked)('$name', async (probe) => {
    const direct = comparable(probe, await probe.ask(upstream.url), crossing);
    expect(comparable(probe, await probe.ask(running.url), crossing)).toEqual(direct);
  });
});

async function inFrontOf(family: 'modern' | 'legacy') {
  const server = await startSdkFixture(family);
  const gateway = await startGateway({ url: server.url });
  return { url: gateway.url, stop: () => Promise.all([gateway.stop(), server.stop()]) };
}

async function startGateway(fixture: object) {
  const access = [{ role: 'anonymous', allow: ['fixture:*'] }];
  const gateway = await startSeaworthy({ config: { auth: { mode: 'none' }, access, mcpServers: { fixture } } });
  await vi.waitUntil(async () => (await fetch(new URL('/ready', gateway.url))).ok, { timeout: 30_000, interval: 100 });
  return { url: `${gateway.url}/fixture`, stop: () => gateway.stop() };
}

/** The same program, silent for longer than the probe of its family waits. */
function slow({ command, args }: typeof sdkFixtureOverStdio) {
  return { command: '/bin/sh', args: ['-c', 'sleep 2.5; exec "$@"', 'sh', command, ...args] };
}
