import { fail, reasonOf } from '#kernel/errors/index.js';

/** A string, a comment, or a comma before a closing bracket: whatever must be looked at as a whole. */
const token = /"(?:[^"\\]|\\.)*"|\/\/[^\n]*|\/\*[\s\S]*?\*\/|,(?=(?:\s|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*[}\]])/g;

/**
 * Parses JSON as editors write it: with comments and trailing commas.
 * @throws SW_IMPORT_UNREADABLE
 */
export function parseJsonc(text: string, file: string): unknown {
  const plain = text.replace(/^\uFEFF/, '').replace(token, (found) => (found.startsWith('"') ? found : ''));
  try {
    return JSON.parse(plain);
  } catch (cause) {
    // Not the text around the fault, which newer engines quote: it may be a secret.
    const reason = reasonOf(cause).replace(/,? "[\s\S]*" is not valid JSON$/, '');
    throw fail('SW_IMPORT_UNREADABLE', { file, reason }, cause);
  }
}
