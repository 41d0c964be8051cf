import { readFileSync } from 'node:fs';

/** The version in package.json, which lies two folders above this file, built or not. */
export const packageVersion = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
).version;
