import { createRequire } from 'node:module';

/** The version in our package.json, found by our own name: the file that asks may be a bundle in any folder of it. */
export const packageVersion = (createRequire(import.meta.url)('seaworthy/package.json') as { version: string }).version;
