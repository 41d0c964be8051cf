import { SeaworthyError } from './error.js';
import { fail } from './catalogue.js';

export { declaredErrors, defineErrors, SeaworthyError } from './error.js';
export type { ErrorDetails, ErrorEntry, ErrorKind, Fail } from './error.js';
export { fail } from './catalogue.js';

/** Anything thrown, as our type: ours unchanged, everything else `SW_INTERNAL` with the original as `cause`. */
export const toSeaworthyError = (thrown: unknown): SeaworthyError =>
  thrown instanceof SeaworthyError ? thrown : fail('SW_INTERNAL', {}, thrown);

/** The message of anything thrown, for a `{reason}`. */
export const reasonOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));
