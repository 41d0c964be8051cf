import { fileURLToPath } from 'node:url';
import { sdkFixtureOverStdio, startSdkFixture } from '../support/sdk-fixture.js';
import { startSeaworthy } from '../support/seaworthy-process.js';

/** An address under test, while it serves. */
export interface RunningTarget {
  readonly url: string;
  stop(): Promise<unknown>;
}

/** Something that must conform: one row of the report per revision. */
export interface Target {
  readonly name: 'sdk-fixture' | 'module' | 'gateway-http' | 'gateway-stdio';
  /** What a request passes before it is answered. */
  readonly upstream: 'none' | 'http' | 'stdio';
  start(): Promise<RunningTarget>;
}

const moduleFixture = fileURLToPath(new URL('../fixtures/conformance-module/index.ts', import.meta.url));

/** In this order: what stands first explains a failure of what stands after it. */
export const targets: readonly Target[] = [
  { name: 'sdk-fixture', upstream: 'none', start: () => startSdkFixture() },
  {
    name: 'module',
    upstream: 'none',
    start: () => serve('conformance', { modules: { conformance: { path: moduleFixture } } }),
  },
  {
    name: 'gateway-http',
    upstream: 'http',
    async start() {
      const fixture = await startSdkFixture();
      const gateway = await serve('fixture', { mcpServers: { fixture: { url: fixture.url } } });
      return { url: gateway.url, stop: () => Promise.all([gateway.stop(), fixture.stop()]) };
    },
  },
  {
    name: 'gateway-stdio',
    upstream: 'stdio',
    start: () => serve('fixture', { mcpServers: { fixture: sdkFixtureOverStdio } }),
  },
];

/** Serves one provider under its own names, open to everyone on the loopback interface. */
async function serve(provider: string, config: Record<string, unknown>): Promise<RunningTarget> {
  const access = [{ role: 'anonymous', allow: [`${provider}:*`] }];
  const program = await startSeaworthy({ config: { auth: { mode: 'none' }, access, ...config } });
  return { url: `${program.url}/${provider}`, stop: () => program.stop() };
}
