import { createHash, randomBytes } from 'node:crypto';

/** Keys begin with this, so that secret scanners find one that was published. */
export const keyPrefix = 'swk_';

/**
 * Makes a key: prefix, 256 random bits, and a checksum that tells a mistyped key without a look-up.
 * Shown once; only its hash is kept.
 */
export function makeKey(): string {
  const secret = randomBytes(32).toString('base64url');
  return `${keyPrefix}${secret}${checksumOf(secret)}`;
}

/** Six characters of the secret's SHA-256. */
const checksumOf = (secret: string): string =>
  createHash('sha256').update(`${keyPrefix}${secret}`).digest('base64url').slice(0, 6);

const keyPattern = /^swk_([A-Za-z0-9_-]{43})([A-Za-z0-9_-]{6})$/;

/** True for text that has the form of a key and its checksum. */
export function looksLikeKey(text: string): boolean {
  const match = keyPattern.exec(text);
  return match !== null && checksumOf(match[1] as string) === match[2];
}

/** What is kept of a key. 256 random bits need no slow hash. */
export const hashKey = (key: string): string => createHash('sha256').update(key).digest('hex');
