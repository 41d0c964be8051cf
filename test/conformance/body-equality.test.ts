import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { sdkFixtureOverStdio, startSdkFixture } from '../support/sdk-fixture.js';
import { startSeaworthy } from '../support/seaworthy-process.js';
import { comparable, probes } from './body-equality.js';

let upstream: Awaited<ReturnType<typeof startSdkFixture>>;
beforeAll(async () => {
  upstream = await startSdkFixture();
});
afterAll(() => upstream.stop());

/** Paths to the same server. The first shows that the probes themselves are repeatable. */
const paths = [
  { path: 'a second instance', start: () => startSdkFixture() },
  { path: 'the gateway over HTTP', start: () => startGateway({ url: upstream.url }) },
  { path: 'the gateway over stdio', start: () => startGateway(sdkFixtureOverStdio) },
  { path: 'the gateway and a server that is slow to start', start: () => startGateway(slow(sdkFixtureOverStdio)) },
];

describe.each(paths)('through $path, the answer equals the direct one', ({ start }) => {
  let running: { readonly url: string; stop(): Promise<unknown> };
  beforeAll(async () => {
    running = await start();
  });
  afterAll(() => running.stop());

  it.each(probes)('$name', async (probe) => {
    const direct = comparable(probe, await probe.ask(upstream.url));
    expect(comparable(probe, await probe.ask(running.url))).toEqual(direct);
  });
});

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
