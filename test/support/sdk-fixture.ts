import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { startChild } from './child-process.js';

const run = [bundled(fileURLToPath(new URL('../fixtures/sdk-server/main.ts', import.meta.url)))];

/** One file starts in a third of the time: the gateway starts this server often, and the suite waits 600 ms at most. */
function bundled(entry: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'sdk-server-'));
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
  const outfile = join(directory, 'main.mjs');
  // What of it is CommonJS needs a require.
  const banner = { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" };
  buildSync({ entryPoints: [entry], bundle: true, platform: 'node', format: 'esm', target: 'node20', banner, outfile });
  return outfile;
}

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
