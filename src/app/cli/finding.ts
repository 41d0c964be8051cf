import { toSeaworthyError } from '#kernel/errors/index.js';

/** One thing that `doctor` looked at. */
export interface Finding {
  /** What was looked at: `node`, `config`, `provider everything`. */
  readonly check: string;
  readonly status: 'ok' | 'warning' | 'error';
  readonly message: string;
  /** What to do; absent where all is well. */
  readonly hint?: string;
}

export const ok = (check: string, message: string): Finding => ({ check, status: 'ok', message });
export const warning = (check: string, message: string, hint: string): Finding => ({
  check,
  status: 'warning',
  message,
  hint,
});
export const failure = (check: string, message: string, hint: string): Finding => ({
  check,
  status: 'error',
  message,
  hint,
});

/** A failure of ours as a finding. */
export function failed(check: string, thrown: unknown): Finding {
  const { message, hint, code } = toSeaworthyError(thrown);
  return failure(check, `${message} (${code})`, hint);
}
