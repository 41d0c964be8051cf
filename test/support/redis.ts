import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startChild } from './child-process.js';
import { freePort } from './free-port.js';

const programs = ['/usr/bin/redis-server', '/usr/local/bin/redis-server', '/usr/bin/valkey-server'];

/** A private Redis on a free loopback port that keeps nothing on disk. */
export interface TestRedis {
  readonly url: string;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
  /** Starts it again, empty, on the same port. */
  restart(): Promise<void>;
  /** Stops it in its tracks: connections stay open and nothing is answered, until it goes on. */
  pause(): void;
  goOn(): void;
  stop(): Promise<void>;
}

/**
 * Starts a Redis of its own. Resolves to undefined, with a message, where Redis is not installed, so that the caller
 * can skip; in CI that is a failure instead.
 */
export async function startRedis(): Promise<TestRedis | undefined> {
  const program = programs.find((path) => existsSync(path));
  if (program === undefined) {
    const message = 'Redis is not installed: apt-get install -y --no-install-recommends redis-server';
    if (process.env['CI']) throw new Error(message);
    console.warn(`skipped: ${message}`);
    return undefined;
  }
  const folder = await mkdtemp(join(tmpdir(), 'seaworthy-redis-'));
  const port = await freePort();
  const start = () =>
    startChild({
      command: program,
      args: ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder],
      ready: (line) => (/ready to accept connections/i.test(line) ? true : undefined),
    });
  let child = await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    kill: async () => {
      await child.stop('SIGKILL');
    },
    restart: async () => {
      child = await start();
    },
    pause: () => void process.kill(child.pid, 'SIGSTOP'),
    goOn: () => void process.kill(child.pid, 'SIGCONT'),
    stop: async () => {
      await child.stop('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
}
