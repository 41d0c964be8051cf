import type { IncomingMessage } from 'node:http';
import { fail, type SeaworthyError } from '#kernel/errors/index.js';

/**
 * Refuses what two programs could read in two ways: a target that is not a plain path, a header that decides and comes
 * twice, a transfer coding that nobody decodes. Node's parser has already refused a length together with chunks,
 * folded headers and control characters.
 * @returns undefined, or SW_HTTP_MALFORMED
 */
export function refuseAmbiguous(request: IncomingMessage): SeaworthyError | undefined {
  const reason = ambiguityOf(request);
  return reason === undefined ? undefined : fail('SW_HTTP_MALFORMED', { reason });
}

function ambiguityOf({ url = '/', headers, rawHeaders, httpVersionMajor }: IncomingMessage): string | undefined {
  if (url !== '/mcp' && !isPlainTarget(url)) return 'the target is not a plain path';
  if (httpVersionMajor < 1) return 'its version is older than 1.0';
  if (headers.host === undefined) return 'it names no host';
  const coding = headers['transfer-encoding'];
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') return 'the transfer coding is not chunked';
  return repeatsHeader(rawHeaders) ? 'a header that must be single is repeated' : undefined;
}

/** No absolute form, no empty or dot segment, no backslash; nothing of it hidden behind a percent sign, no NUL. */
function isPlainTarget(url: string): boolean {
  const query = url.indexOf('?');
  const path = query < 0 ? url : url.slice(0, query);
  return path.startsWith('/') && !/\/\/|\/\.{1,2}(?:\/|$)|[\\#]|%(?:00|2e|2f|5c)|\.$/i.test(path);
}

/** Single headers by length, so that most names cost one look. Each has a bit. */
const singles: readonly (readonly [name: string, bit: number])[] = [
  ['host', 1],
  ['origin', 2],
  ['x-api-key', 4],
  ['content-type', 8],
  ['authorization', 16],
  ['content-length', 32],
  ['mcp-session-id', 64],
  ['x-request-id', 128],
];
const byLength: readonly (typeof singles)[] = Array.from({ length: 15 }, (_, length) =>
  singles.filter(([name]) => name.length === length),
);

function repeatsHeader(rawHeaders: readonly string[]): boolean {
  let seen = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    for (const [single, bit] of byLength[name.length] ?? [])
      if (name === single || name.toLowerCase() === single) {
        if (seen & bit) return true;
        seen |= bit;
      }
  }
  return false;
}
