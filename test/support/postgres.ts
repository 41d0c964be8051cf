import { execFile, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './free-port.js';

const run = promisify(execFile);

/** Where distributions put the server's programs; the newest that exists is used. */
const binaryFolders = [18, 17, 16, 15, 14].map((version) => `/usr/lib/postgresql/${version}/bin`);

/** A private PostgreSQL on a free loopback port, with its data in a temporary folder. */
export interface TestPostgres {
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * Starts a PostgreSQL of its own (about two seconds). Resolves to undefined, with a message, where PostgreSQL is not
 * installed, so that the caller can skip; in CI that is a failure instead.
 */
export async function startPostgres(): Promise<TestPostgres | undefined> {
  const binaries = binaryFolders.find((folder) => existsSync(join(folder, 'initdb')));
  if (binaries === undefined) {
    const message = 'PostgreSQL is not installed: apt-get install -y --no-install-recommends postgresql';
    if (process.env['CI']) throw new Error(message);
    console.warn(`skipped: ${message}`);
    return undefined;
  }
  const owner = serverUser();
  const folder = await mkdtemp(join(tmpdir(), 'seaworthy-pg-'));
  const data = join(folder, 'data');
  await mkdir(data, { mode: 0o700 });
  if (owner !== undefined) {
    await chmod(folder, 0o755);
    await chown(data, owner.uid, owner.gid);
  }
  const port = await freePort();
  const asOwner = (program: string, args: string[]): Promise<unknown> =>
    run(join(binaries, program), args, { ...owner, cwd: data });
  const options = `-p ${port} -k ${data} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=50`;
  await asOwner('initdb', ['-D', data, '-U', 'postgres', '-A', 'trust', '--no-sync']);
  await asOwner('pg_ctl', ['-D', data, '-w', '-l', join(data, 'log'), '-o', options, 'start']);
  return {
    url: `postgres://postgres:planted-password@127.0.0.1:${port}/postgres`,
    stop: async () => {
      await asOwner('pg_ctl', ['-D', data, '-m', 'immediate', 'stop']);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** PostgreSQL refuses to run as root, so root lends it the account that the package made. */
function serverUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const idOf = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: idOf('-u'), gid: idOf('-g') };
}
