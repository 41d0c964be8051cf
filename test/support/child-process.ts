import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

/** What to start, and how to see that it serves. */
export interface ChildOptions<Ready> {
  readonly command: string;
  readonly args: readonly string[];
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Called with each line of standard output until it returns something. */
  readonly ready: (line: string) => Ready | undefined;
  /** Milliseconds to wait for readiness, 30,000 by default. */
  readonly timeoutMs?: number;
}

/** A process that serves until it is stopped. */
export interface Child<Ready> {
  readonly pid: number;
  /** What `ready` returned. */
  readonly value: Ready;
  /** Everything written so far, standard output and error together. */
  logs(): string;
  /** Sends the signal, waits for the end, and kills after 15 seconds. Returns the exit code, null after a signal. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Ended with this process, whatever ends it: a failed test leaves nothing running. */
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/**
 * Starts a program and waits until it reports that it serves.
 * @throws Error with the logs when the program ends first or stays silent too long.
 */
export async function startChild<Ready>(options: ChildOptions<Ready>): Promise<Child<Ready>> {
  const child = spawn(options.command, options.args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const written: string[] = [];
  const logs = () => written.join('');
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => written.push(String(chunk)));
  const ended = new Promise<number | null>((resolve) => {
    // 'close' comes once the last output has been read; a program that cannot start has only 'error'.
    child.once('close', resolve);
    child.once('error', (error) => {
      written.push(`${error.message}\n`);
      resolve(null);
    });
  }).finally(() => running.delete(child));
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    const patience = setTimeout(() => child.kill('SIGKILL'), 15_000);
    child.kill(signal);
    return ended.finally(() => clearTimeout(patience));
  };

  const timeoutMs = options.timeoutMs ?? 30_000;
  const outcome = await new Promise<{ value: Ready } | string>((resolve) => {
    const patience = setTimeout(() => resolve(`was not ready within ${timeoutMs} ms`), timeoutMs);
    void ended.then((code) => {
      clearTimeout(patience);
      resolve(`ended with ${code} before it was ready`);
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
      const value = options.ready(line);
      if (value === undefined) return;
      clearTimeout(patience);
      resolve({ value });
    });
  });
  if (typeof outcome === 'string') {
    await stop('SIGKILL');
    throw new Error(`${options.command} ${options.args.join(' ')} ${outcome}:\n${logs()}`);
  }
  return { pid: child.pid ?? 0, value: outcome.value, logs, stop };
}
