import type { IncomingMessage } from 'node:http';
import { fail, type SeaworthyError } from '#kernel/errors/index.js';

/**
 * Reads one body, never more than `maxBytes`. Time is bounded by the listener's request timeout.
 * Calls back once: with the bytes, or with SW_BODY_TOO_LARGE or SW_CANCELLED.
 */
export function readBody(
  request: IncomingMessage,
  maxBytes: number,
  done: (error: SeaworthyError | undefined, body: Buffer) => void,
): void {
  const declared = Number(request.headers['content-length'] ?? 0);
  let finished = false;
  const finish = (error: SeaworthyError | undefined, body: Buffer) => {
    if (finished) return;
    finished = true;
    done(error, body);
  };
  if (declared > maxBytes) {
    // Nothing of it is read; the answer closes the connection.
    finish(fail('SW_BODY_TOO_LARGE', { maxBytes }), empty);
    return;
  }
  let first: Buffer | undefined;
  let chunks: Buffer[] | undefined;
  let length = 0;
  request.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length > maxBytes) {
      request.pause();
      finish(fail('SW_BODY_TOO_LARGE', { maxBytes }), empty);
      return;
    }
    if (!first) first = chunk;
    else (chunks ??= [first]).push(chunk);
  });
  request.on('end', () => finish(undefined, chunks ? Buffer.concat(chunks, length) : (first ?? empty)));
  // The error is made only when it is needed: 'close' comes after every request.
  request.on('error', (cause) => {
    if (!finished) finish(fail('SW_CANCELLED', {}, cause), empty);
  });
  request.on('close', () => {
    if (!finished) finish(fail('SW_CANCELLED'), empty);
  });
}

const empty = Buffer.alloc(0);
