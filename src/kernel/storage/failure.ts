import { fail, reasonOf, SeaworthyError } from '#kernel/errors/index.js';

/** Whether an error means that the database cannot be used, rather than that a statement was wrong. */
export function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return unavailableCodes.test(code) || connectionTexts.test(error.message);
}

/**
 * SQLite result codes of the file and the disk, SQLSTATE classes of the connection (08), of authorization (28), of
 * resources (53) and of a server going down (57P), and what the socket says.
 */
const unavailableCodes =
  /^(?:SQLITE_(?:BUSY|IOERR|FULL|CORRUPT|CANTOPEN|NOTADB|READONLY|AUTH|PERM).*|08...|28...|3D000|53...|57P..|E[A-Z]+)$/;

/** pg and its pool report these without a code. */
const connectionTexts =
  /^(?:Connection terminated|timeout exceeded when trying to connect|The database connection is not open)/;

/** The error as SW_STORAGE_UNAVAILABLE without the credentials of the address; our own errors unchanged. */
export function storageUnavailable(error: unknown, url: string): SeaworthyError {
  if (error instanceof SeaworthyError) return error;
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const text = withoutSecrets(reasonOf(error), url);
  const reason = text === '' ? (code ?? 'no answer') : text;
  // The cause is not kept: a driver's error can hold the whole connection configuration.
  return fail('SW_STORAGE_UNAVAILABLE', { reason, ...(code === undefined ? {} : { code }) });
}

/** Replaces the password of a database address, in every spelling, and the credentials of any address in the text. */
export function withoutSecrets(text: string, url: string): string {
  let clean = text;
  for (const password of passwordsOf(url)) clean = clean.replaceAll(password, '***');
  return clean.replace(/\/\/[^/@\s]*@/g, '//***@').replace(/(password=)[^&\s]+/gi, '$1***');
}

function passwordsOf(url: string): readonly string[] {
  const written = /^[a-z]+:\/\/[^:@/]*:(.*)@/i.exec(url)?.[1] ?? '';
  const spellings = [written, decoded(written)];
  return spellings.filter((password) => password.length > 0).sort((a, b) => b.length - a.length);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // A stray % is not an encoding; the text then stands for itself.
  }
}
