import type { IncomingMessage } from 'node:http';

/** Pages of other origins that may read answers (https://fetch.spec.whatwg.org/#http-cors-protocol). */
export interface CorsPolicy {
  /** Whole origins, such as `https://app.example.com`; compared ignoring case. No patterns. */
  readonly origins: readonly string[];
  /** True: browsers may send cookies and certificates along. */
  readonly credentials: boolean;
  /** How long a browser may remember a preflight, milliseconds. */
  readonly maxAgeMs: number;
}

export interface Cors {
  /** Headers that an answer to this origin carries; undefined where it is not listed. */
  answer(origin: string | undefined): Readonly<Record<string, string>> | undefined;
  /** Headers of the answer to a preflight; undefined where the request is none, or its origin is not listed. */
  preflight(request: IncomingMessage): Readonly<Record<string, string>> | undefined;
}

const methods = 'GET, POST, PUT, PATCH, DELETE';

/** Request headers that a client of ours sends; `Mcp-Param-*` has names of its own per tool. */
const allowedHeader =
  /^(?:accept|authorization|content-type|dpop|if-match|if-none-match|idempotency-key|last-event-id|mcp-method|mcp-name|mcp-protocol-version|mcp-session-id|mcp-param-[\w-]{1,100}|traceparent|tracestate|x-api-key|x-request-id)$/i;

const exposed = [
  ...['DPoP-Nonce', 'ETag', 'Location', 'Mcp-Protocol-Version', 'Mcp-Session-Id'],
  ...['RateLimit', 'RateLimit-Policy', 'Retry-After', 'WWW-Authenticate', 'X-Request-Id'],
].join(', ');

/** Makes the rules of one listener. Only a listed origin is ever repeated in an answer. */
export function corsOf(policy: CorsPolicy): Cors {
  const answers = new Map(policy.origins.map((origin) => [origin.toLowerCase(), answerFor(policy)] as const));
  const answer: Cors['answer'] = (origin) => {
    const known = origin === undefined ? undefined : answers.get(origin.toLowerCase());
    return known && origin !== undefined ? { ...known, 'access-control-allow-origin': origin } : undefined;
  };
  return {
    answer,
    preflight(request) {
      if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined)
        return undefined;
      const base = answer(request.headers.origin);
      if (!base) return undefined;
      const wanted = (request.headers['access-control-request-headers'] ?? '').split(',').map((name) => name.trim());
      return {
        ...base,
        'access-control-allow-methods': methods,
        'access-control-allow-headers': wanted.filter((name) => allowedHeader.test(name)).join(', '),
        'access-control-max-age': String(Math.floor(policy.maxAgeMs / 1000)),
        vary: 'Origin, Access-Control-Request-Headers',
      };
    },
  };
}

const answerFor = ({ credentials }: CorsPolicy): Readonly<Record<string, string>> => ({
  'access-control-expose-headers': exposed,
  vary: 'Origin',
  ...(credentials && { 'access-control-allow-credentials': 'true' }),
});
