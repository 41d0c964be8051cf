import { execFile, type ExecFileException } from 'node:child_process';
import { open } from 'node:fs/promises';
import { fail, reasonOf } from '#kernel/errors/index.js';
import { Secret } from './secret.js';

/** The variables that `env:` looks in and that an `exec:` program gets; `readEnvironment()` of kernel/config makes it. */
export type SecretEnvironment = Readonly<Record<string, string | undefined>>;

const execTimeoutMs = 10_000;
const maxSecretBytes = 64 * 1024;

/**
 * Fetches the secret that a reference names. Only the operator's configuration may hold references, for `exec:` starts
 * a program.
 *
 * - `env:NAME`: an environment variable
 * - `file:/path`: a file of at most 64 KiB, one newline at its end dropped
 * - `exec:program argument "one argument"`: what a program prints, same rules; no shell, at most 10 s
 *
 * Anything else is refused and not repeated in the error: it may be the secret itself, pasted in.
 *
 * @throws SW_SECRET_UNAVAILABLE
 */
export async function resolveSecret(reference: string, environment: SecretEnvironment): Promise<Secret> {
  const colon = reference.indexOf(':');
  const rest = reference.slice(colon + 1);
  switch (reference.slice(0, Math.max(colon, 0))) {
    case 'env':
      return nonEmpty(reference, environment[rest]);
    case 'file':
      return nonEmpty(reference, await readSecretFile(reference, rest));
    case 'exec':
      return runSecretProgram(rest, environment);
    default:
      throw unavailable('(not shown)', 'it does not begin with env:, file: or exec:');
  }
}

/** True for text that `resolveSecret` would try to resolve. */
export const isSecretReference = (text: string): boolean => /^(?:env|file|exec):/.test(text);

const unavailable = (reference: string, reason: string, cause?: unknown): Error =>
  fail('SW_SECRET_UNAVAILABLE', { reference, reason }, cause);

function nonEmpty(reference: string, text: string | undefined): Secret {
  if (text === undefined) throw unavailable(reference, 'the variable is not set');
  const value = text.replace(/\r?\n$/, '');
  if (value === '') throw unavailable(reference, 'it is empty');
  return new Secret(value);
}

async function readSecretFile(reference: string, path: string): Promise<string> {
  try {
    await using file = await open(path, 'r');
    const { size } = await file.stat();
    if (size > maxSecretBytes) throw unavailable(reference, `the file is larger than ${maxSecretBytes} bytes`);
    return await file.readFile('utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'SW_SECRET_UNAVAILABLE') throw error;
    throw unavailable(reference, reasonOf(error), error);
  }
}

function runSecretProgram(commandLine: string, environment: SecretEnvironment): Promise<Secret> {
  const [program, ...args] = splitArguments(commandLine);
  // Arguments stay out of the error: some programs take a token there.
  const reference = `exec:${program ?? ''}`;
  if (program === undefined) return Promise.reject(unavailable(reference, 'no program is named'));
  return new Promise((resolve, reject) => {
    const options = { timeout: execTimeoutMs, killSignal: 'SIGKILL', maxBuffer: maxSecretBytes, shell: false } as const;
    execFile(program, args, { ...options, env: { ...environment } }, (error, stdout) => {
      // Neither the cause nor its message is kept: both repeat the command line.
      if (error) reject(unavailable(reference, programFailure(error)));
      else if (stdout.trim() === '') reject(unavailable(reference, 'the program printed nothing'));
      else resolve(nonEmpty(reference, stdout));
    });
  });
}

function programFailure(error: ExecFileException): string {
  if (error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return `it printed more than ${maxSecretBytes} bytes`;
  if (error.killed) return `it ran longer than ${execTimeoutMs} ms`;
  if (error.code === 'ENOENT') return 'the program does not exist';
  return typeof error.code === 'number'
    ? `it ended with status ${error.code}`
    : `it could not run (${String(error.code)})`;
}

/** Words split at spaces; single or double quotes keep a word together. Nothing is expanded. */
function splitArguments(text: string): string[] {
  return [...text.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)].map(([word]) =>
    word.replace(
      /"([^"]*)"|'([^']*)'/g,
      (_whole, double: string | undefined, single: string | undefined) => double ?? single ?? '',
    ),
  );
}
