import { STATUS_CODES, type ServerResponse } from 'node:http';
import { z } from 'zod';
import type { SeaworthyError } from '#kernel/errors/index.js';
import { retryHeaders } from '#protocol/server/index.js';

/** Every refusal and failure: problem details (RFC 9457). */
export const problem = z.strictObject({
  type: z.string().describe('`urn:seaworthy:error:{code}`.'),
  title: z.string().describe('The words for the status.'),
  status: z.number().int(),
  detail: z.string().describe('What went wrong.'),
  code: z.string().describe('Match on this one: it never changes its meaning.'),
  hint: z.string().describe('What to do next.'),
  requestId: z.string().describe('As in logs and audit records.'),
});

/** Of the edge: they go with every answer. */
type EdgeHeaders = Readonly<Record<string, string>>;

export function sendAnswer(response: ServerResponse, headers: EdgeHeaders, status: number, value: unknown): void {
  send(response, status, value, { 'cache-control': 'no-store', ...headers, 'content-type': 'application/json' });
}

export function sendProblem(
  response: ServerResponse,
  headers: EdgeHeaders,
  error: SeaworthyError,
  requestId: string,
): void {
  const { code, message, hint, entry, details } = error;
  // Some codes are in-band answers of JSON-RPC, with 200.
  const status = entry.http < 400 ? 400 : entry.http;
  const { allow } = details;
  const body: z.input<typeof problem> = {
    type: `urn:seaworthy:error:${code}`,
    title: STATUS_CODES[status] ?? 'Error',
    ...{ status, detail: message, code, hint, requestId },
  };
  send(response, status, body, {
    'cache-control': 'no-store',
    ...headers,
    'content-type': 'application/problem+json',
    ...(status === 401 && { 'www-authenticate': 'Bearer realm="seaworthy"' }),
    ...retryHeaders(error),
    ...(typeof allow === 'string' && { allow }),
    // What the client still sends is not read: the connection cannot be used again.
    ...(!response.req.complete && { connection: 'close' }),
  });
}

function send(response: ServerResponse, status: number, value: unknown, more: Readonly<Record<string, string>>): void {
  const text = JSON.stringify(value);
  response.writeHead(status, { ...more, 'content-length': Buffer.byteLength(text) });
  response.end(text);
}
