import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startChild } from './child-process.js';

const program = fileURLToPath(new URL('../../dist/app/cli/main.js', import.meta.url));

/** How the built program is started. */
export interface SeaworthyOptions {
  /**
   * The configuration file as an object. Ports are free ones and the data directory is a temporary one unless it says
   * otherwise; relative paths in it start at the temporary directory.
   */
  readonly config: Readonly<Record<string, unknown>>;
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Arguments after `serve --config FILE --json`. */
  readonly args?: readonly string[];
}

/** The built program while it serves. */
export interface Seaworthy {
  readonly pid: number;
  /** The merged endpoint, `http://127.0.0.1:PORT/mcp`; a provider is one segment below it. */
  readonly url: string;
  /** The operations listener, without a path. */
  readonly operationsUrl: string;
  /** The key made at first start, when authentication is by key and the data directory was new. */
  readonly apiKey?: string;
  /** Everything written so far, standard output and error together. */
  logs(): string;
  /** Sends the signal (SIGTERM by default), waits for the end and returns the exit code, null after a signal. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  /** Ends the process as a crash would: SIGKILL, nothing is written any more. */
  kill(): Promise<void>;
}

interface ListeningEvent {
  readonly event: string;
  readonly url: string;
  readonly operations: string;
  readonly apiKey?: string;
}

/**
 * Starts the built program (`npm run build` first) and waits until it listens. Its temporary directory is removed when
 * it has ended; a `dataDir` in the configuration is the caller's and stays.
 * @throws Error with the logs when the program does not come up.
 */
export async function startSeaworthy(options: SeaworthyOptions): Promise<Seaworthy> {
  if (!existsSync(program)) throw new Error(`${program} does not exist: run npm run build first`);
  const directory = await mkdtemp(join(tmpdir(), 'seaworthy-'));
  const remove = () => rm(directory, { recursive: true, force: true });
  const file = join(directory, 'seaworthy.yaml');
  // JSON is YAML.
  await writeFile(file, JSON.stringify(withDefaults(options.config, directory), undefined, 2));
  const child = await startChild({
    command: process.execPath,
    // User modules may be TypeScript, and so may what they import.
    args: [
      '--import',
      import.meta.resolve('tsx'),
      program,
      'serve',
      '--config',
      file,
      '--json',
      ...(options.args ?? []),
    ],
    cwd: directory,
    ...(options.env && { env: options.env }),
    ready: listeningEvent,
  }).catch(async (error: unknown) => {
    await remove();
    throw error;
  });
  const stop = (signal?: NodeJS.Signals) => child.stop(signal).finally(remove);
  const { url, operations, apiKey } = child.value;
  return {
    pid: child.pid,
    url,
    operationsUrl: operations,
    ...(apiKey !== undefined && { apiKey }),
    logs: child.logs,
    stop,
    kill: async () => {
      await stop('SIGKILL');
    },
  };
}

function withDefaults(config: Readonly<Record<string, unknown>>, directory: string): Record<string, unknown> {
  return {
    dataDir: join(directory, 'data'),
    ...config,
    server: { host: '127.0.0.1', port: 0, ...(config.server as object | undefined) },
    operations: { port: 0, ...(config.operations as object | undefined) },
  };
}

function listeningEvent(line: string): ListeningEvent | undefined {
  if (!line.startsWith('{')) return undefined;
  const event = JSON.parse(line) as ListeningEvent;
  return event.event === 'listening' ? event : undefined;
}
