import { reasonOf, toSeaworthyError, type SeaworthyError } from '#kernel/errors/index.js';
import { visible, type Terminal } from './terminal.js';

/** What the program answers to the shell; `docs/reference/cli.md` says the same. */
export const exitCodes = {
  ok: 0,
  /** The thing asked for failed. */
  failed: 1,
  /** The command line or the configuration is wrong: nothing was tried. */
  usage: 2,
  /** A server, the database or an upstream does not answer. */
  unreachable: 3,
} as const;

const usageCodes = new Set([
  'SW_USAGE',
  'SW_CONFIG_INVALID',
  'SW_CONFIG_UNREADABLE',
  'SW_SECRET_UNAVAILABLE',
  'SW_PUBLIC_WITHOUT_AUTH',
  'SW_MODULE_INVALID',
  'SW_PROVIDER_UNKNOWN',
  'SW_FILE_EXISTS',
  'SW_IMPORT_UNREADABLE',
]);
const unreachableCodes = new Set(['SW_SERVER_UNREACHABLE', 'SW_UPSTREAM_UNAVAILABLE', 'SW_STORAGE_UNAVAILABLE']);

export function exitCodeOf(error: SeaworthyError): number {
  if (usageCodes.has(error.code)) return exitCodes.usage;
  return unreachableCodes.has(error.code) ? exitCodes.unreachable : exitCodes.failed;
}

/** Shows a failure as message, hint and code, never as a stack unless asked, and returns the exit code. */
export function showFailure(thrown: unknown, terminal: Terminal, withStack: boolean): number {
  const error = toSeaworthyError(thrown);
  // Nobody but us can help with an internal error, and only its cause tells what to report.
  const cause = error.code === 'SW_INTERNAL' ? ` ${reasonOf(error.cause)}` : '';
  const message = visible(`${error.message}${cause}`);
  const { code } = error;
  const hint = visible(error.hint);
  if (terminal.json) {
    const { errors } = error.details;
    const problems = errors === undefined ? {} : { problems: errors };
    terminal.event({ error: { code, message, hint, retryable: error.retryable, ...problems } });
  } else {
    const { red, dim } = terminal.paint;
    process.stderr.write(`${red('error:')} ${message}\n${dim('hint:')}  ${hint}\n${dim('code:')}  ${code}\n`);
  }
  if (withStack) process.stderr.write(`${stackOf(error)}\n`);
  return exitCodeOf(error);
}

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${stackOf(error.cause)}` : '';
  return `${error.stack ?? error.message}${cause}`;
}
