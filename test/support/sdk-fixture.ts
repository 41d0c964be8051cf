import { fileURLToPath } from 'node:url';
import { startChild } from './child-process.js';

const run = [
  '--import',
  import.meta.resolve('tsx'),
  fileURLToPath(new URL('../fixtures/sdk-server/main.ts', import.meta.url)),
];

type Families = 'both' | 'modern' | 'legacy';

/** The fixture as a configured stdio server. Every path is absolute: the gateway may start it anywhere. */
export const sdkFixtureOverStdio = sdkFixtureOf('both');

/** The same in the families named, with a journal where a file is given. */
export function sdkFixtureOf(family: Families, journal?: string) {
  return { command: process.execPath, args: [...run, '--stdio', '--family', family, ...keeping(journal)] };
}

/** Starts the fixture over HTTP on a free port (test/fixtures/sdk-server/README.md). */
export function startSdkFixture(family: Families = 'both', journal?: string) {
  return startFixture('--http', '0', '--family', family, ...keeping(journal));
}

/** Starts the fixture over HTTP+SSE, the transport of revision 2024-11-05, on a free port. */
export function startSseFixture(journal?: string) {
  return startFixture('--sse', '0', ...keeping(journal));
}

function keeping(journal: string | undefined): string[] {
  return journal === undefined ? [] : ['--journal', journal];
}

async function startFixture(...args: string[]) {
  const child = await startChild({
    command: process.execPath,
    args: [...run, ...args],
    ready: (line) => /^listening (\S+)$/.exec(line)?.[1],
  });
  return { url: child.value, logs: child.logs, stop: child.stop };
}
