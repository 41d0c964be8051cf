import { fileURLToPath } from 'node:url';
import { startChild } from './child-process.js';

const run = [
  '--import',
  import.meta.resolve('tsx'),
  fileURLToPath(new URL('../fixtures/sdk-server/main.ts', import.meta.url)),
];

/** The fixture as a configured stdio server. Every path is absolute: the gateway may start it anywhere. */
export const sdkFixtureOverStdio = { command: process.execPath, args: [...run, '--stdio'] };

/** Starts the fixture over HTTP on a free port (test/fixtures/sdk-server/README.md). */
export async function startSdkFixture(family: 'both' | 'modern' | 'legacy' = 'both') {
  const child = await startChild({
    command: process.execPath,
    args: [...run, '--http', '0', '--family', family],
    ready: (line) => /^listening (\S+)$/.exec(line)?.[1],
  });
  return { url: child.value, logs: child.logs, stop: child.stop };
}
