import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Origin, Principal } from '#kernel/context/index.js';
import { fail, type SeaworthyError } from '#kernel/errors/index.js';
import { parseStrict } from '../jsonrpc/index.js';
import { clientCertificate, HttpAnswer, readBody, type Arrival, type Edge } from '../transport/index.js';
import { classify } from './classify.js';
import { encodeError } from './encode.js';
import { toFailure } from './failure.js';
import type { Route } from './handler.js';
import type { HeaderOf } from './headers.js';
import { LegacyHttp, type LegacyHttpOptions } from './legacy-http.js';
import { LegacySse } from './legacy-sse.js';
import { LegacySessions, type LegacySessionsOptions } from './legacy-sessions.js';
import { serveModern } from './modern.js';
import type { ServingContext } from './peer.js';
import { StreamKeeper, type StreamLimits } from './stream-keeper.js';

export interface McpHttpOptions {
  /** The checks of the listener. */
  readonly edge: Edge;
  readonly maxBodyBytes: number;
  /** Bytes that may wait in a socket for a client that reads slowly. */
  readonly maxBufferedBytes: number;
  readonly streams: StreamLimits;
  readonly sessions: LegacySessionsOptions;
  readonly legacy: LegacyHttpOptions;
  /** Serves the HTTP+SSE transport of 2024-11-05 at `/sse` and `/messages`. */
  readonly legacySse: boolean;
  /** Makes the `WWW-Authenticate` of a refusal at a request target. Default: the bare scheme. */
  readonly challenge?: ((target: string, error: SeaworthyError) => string) | undefined;
  /** Told of the status of every answer. */
  readonly onAnswer?: (status: number) => void;
  readonly onRefusal?: (code: string) => void;
  readonly onStreams?: (open: number) => void;
  /** Told when a client that read too slowly was cut off. */
  readonly onSlowClient?: () => void;
}

/** The MCP endpoint as a request listener for `node:http`. */
export interface McpHttp {
  /** True for the paths that belong to MCP. */
  owns(path: string): boolean;
  handle(request: IncomingMessage, response: ServerResponse): void;
  /** Takes no new request; ends the long-lived streams. Calls in flight go on. */
  drain(): void;
  /** Ends the streams and live sessions of principals whose credentials have ended or changed. */
  endOf(principalIds: ReadonlySet<string>): void;
  stop(): void;
  /** Open streams and live sessions, for health. */
  counts(): { streams: number; sessions: number; calls: number };
}

/** Serves MCP over Streamable HTTP, both families, at `/mcp` and `/mcp/{provider}`. */
export function mcpHttp(context: ServingContext, options: McpHttpOptions): McpHttp {
  const keeper = new StreamKeeper(options.streams, options.onStreams);
  const sessions = new LegacySessions(context.handler, options.sessions);
  const legacyHttp = new LegacyHttp(context, keeper, sessions, options.legacy);
  const legacySse = new LegacySse(context, keeper);
  let draining = false;

  function handle(request: IncomingMessage, response: ServerResponse): void {
    const startedAt = performance.now();
    const arrival = options.edge.enter(request);
    const { maxBufferedBytes, onAnswer, onSlowClient } = options;
    const answer = new HttpAnswer(response, arrival.headers, maxBufferedBytes, onAnswer, onSlowClient);
    const header: HeaderOf = (name) => {
      const value = request.headers[name];
      return typeof value === 'string' ? value : value?.join(', ');
    };
    const refused = (error: unknown) => refuse(answer, error, request);
    try {
      context.handler.enter(arrival.address);
    } catch (error) {
      return refused(error);
    }
    if (arrival.preflight) return answer.empty(204);
    const origin: Origin = { transport: 'http', address: arrival.address, requestId: arrival.requestId };
    const entry = enter(request, header, arrival);
    if ('refusal' in entry) return refused(entry.refusal);
    const { place, principal } = entry;
    if (principal instanceof Promise)
      principal.then((known) => admitted(request, answer, header, place, known, startedAt, origin), refused);
    else admitted(request, answer, header, place, principal, startedAt, origin);
  }

  /** What can be refused before a body is read: address, host, origin, path, credential. */
  function enter(request: IncomingMessage, header: HeaderOf, { refusal, address }: Arrival): Entered {
    if (refusal) return { refusal };
    const place = placeOf(request.url ?? '/', options.legacySse);
    if (!place) return { refusal: fail('SW_ROUTE_UNKNOWN', { path: 'this path' }) };
    if (draining) return { refusal: fail('SW_DRAINING') };
    try {
      const principal = context.handler.authenticate({
        transport: 'http',
        header,
        address,
        method: request.method ?? 'GET',
        target: request.url ?? '/',
        certificate: clientCertificate(request.socket),
      });
      return { place, principal };
    } catch (error) {
      return { refusal: error as SeaworthyError };
    }
  }

  function admitted(
    request: IncomingMessage,
    answer: HttpAnswer,
    header: HeaderOf,
    place: Place,
    principal: Principal,
    startedAt: number,
    origin: Origin,
  ): void {
    const { route } = place;
    // Asked only now, so that nobody learns the names of providers without a credential.
    if (!context.handler.serves(route))
      return refuse(answer, fail('SW_PROVIDER_UNKNOWN', { provider: route.provider }), request);
    const entry = { header, route, principal, startedAt, origin };
    const attempt = (work: () => void | Promise<void>) => {
      try {
        const working = work();
        if (working) working.catch((error: unknown) => refuse(answer, error, request));
      } catch (error) {
        refuse(answer, error, request);
      }
    };
    if (request.method === 'POST') {
      const refusal = checkMedia(header);
      if (refusal) return refuse(answer, refusal, request);
      readBody(request, options.maxBodyBytes, (error, body) => {
        if (error) refuse(answer, error, request);
        else if (place.kind === 'messages') attempt(() => legacySse.post(principal, place.sessionId, body, answer));
        else attempt(() => post(entry, body, answer));
      });
      return;
    }
    const withSessions = context.handler.speaks(route, 'legacy');
    const counted = (work: () => void | Promise<void>) => {
      attempt(() => {
        const waiting = context.handler.admit(principal);
        return waiting ? waiting.then(work) : work();
      });
    };
    if (withSessions && place.kind === 'sse' && request.method === 'GET') counted(() => legacySse.get(entry, answer));
    else if (
      !withSessions ||
      header('mcp-session-id') === undefined ||
      !['GET', 'DELETE'].includes(request.method ?? '')
    )
      // Without a session there is nothing to get or delete: that is how a modern server answers.
      refuse(answer, fail('SW_HTTP_METHOD', { method: request.method }), request);
    else if (request.method === 'GET') counted(() => legacyHttp.get(entry, answer));
    else counted(() => legacyHttp.delete(entry, answer));
  }

  function post(
    entry: { header: HeaderOf; route: Route; principal: Principal; startedAt: number; origin: Origin },
    body: Buffer,
    answer: HttpAnswer,
  ): void {
    const { value, wideNumber } = parseStrict(body, context.maxJsonDepth);
    let inbound;
    try {
      inbound = classify(value, entry.header('mcp-protocol-version')?.trim());
    } catch (error) {
      // The id is echoed where one can be read: a client matches its answer by it.
      const failure = toFailure(error, 'modern', '');
      options.onRefusal?.(failure.code);
      answer.json(failure.status, [encodeError(readableId(value), failure.error)]);
      return;
    }
    if (inbound.batch) legacyHttp.postBatch(entry, inbound.entries, body, answer);
    else if (inbound.family === 'modern')
      serveModern(context, keeper, { ...entry, entry: inbound.entry, body, wideNumber }, answer);
    else legacyHttp.post(entry, inbound.entry, body, wideNumber, answer);
  }

  /** A refusal before any request was read: plain HTTP status, JSON-RPC body without an id. */
  function refuse(answer: HttpAnswer, error: unknown, request: IncomingMessage): void {
    const failure = toFailure(error, 'modern', '');
    if (failure.code === 'SW_INTERNAL') context.logger.error({ err: error }, 'a request failed at the edge');
    options.onRefusal?.(failure.code);
    const headers: Record<string, string> = { ...failure.headers };
    const status = statusOfRefusal(error, failure.status);
    if (status === 401 || failure.code === 'SW_SCOPE_INSUFFICIENT')
      headers['www-authenticate'] =
        options.challenge?.(request.url ?? '/', error as SeaworthyError) ?? 'Bearer realm="seaworthy"';
    if (status === 405) headers['allow'] = 'POST';
    // What the client still sends is not read: the connection cannot be used again.
    if (!request.complete) headers['connection'] = 'close';
    answer.json(status, [encodeError(null, failure.error)], headers);
  }

  return {
    owns: (path) => placeOf(path, options.legacySse) !== undefined || path.startsWith('/mcp/'),
    handle,
    drain: () => {
      draining = true;
      keeper.drain();
    },
    endOf: (principalIds) => {
      keeper.endOf(principalIds);
      sessions.endOf(principalIds);
    },
    stop: () => {
      keeper.stop();
      sessions.stop();
    },
    counts: () => ({ streams: keeper.size, sessions: sessions.size, calls: context.calls.size }),
  };
}

type Entered =
  { readonly place: Place; readonly principal: Principal | Promise<Principal> } | { readonly refusal: SeaworthyError };

/** Refusals at the edge keep their own status: 403 for a host, 404 for a path or a session. */
const statusOfRefusal = (error: unknown, status: number): number => {
  const http = (error as Partial<SeaworthyError>).entry?.http;
  return http === 403 || http === 404 || http === 400 ? http : status;
};

/** An address of ours: the endpoint, or the two of the HTTP+SSE transport. */
type Place =
  | { readonly kind: 'mcp' | 'sse'; readonly route: Route }
  | { readonly kind: 'messages'; readonly route: Route; readonly sessionId: string | null };

const mcpPattern = /^\/mcp(?:\/([a-z0-9][a-z0-9-]{0,31}))?\/?(?:\?.*)?$/;
const ssePattern = /^\/sse(?:\/([a-z0-9][a-z0-9-]{0,31}))?(?:\?.*)?$/;
const messagesPattern = /^\/messages\?sessionId=([\w-]{1,64})$/;

function placeOf(url: string, withSse: boolean): Place | undefined {
  const mcp = mcpPattern.exec(url);
  if (mcp) return { kind: 'mcp', route: { provider: mcp[1] } };
  if (!withSse) return undefined;
  const sse = ssePattern.exec(url);
  if (sse) return { kind: 'sse', route: { provider: sse[1] } };
  const messages = messagesPattern.exec(url);
  return messages ? { kind: 'messages', route: { provider: undefined }, sessionId: messages[1] ?? null } : undefined;
}

/** Exact media type; parameters are allowed, but only UTF-8 as a charset. */
function checkMedia(header: HeaderOf): SeaworthyError | undefined {
  const contentType = header('content-type') ?? '(none)';
  if (contentType !== 'application/json' && !/^application\/json\s*(;\s*charset=("?)utf-8\2\s*)?$/i.test(contentType))
    return fail('SW_MEDIA_TYPE', { contentType: contentType.slice(0, 100) });
  if (header('content-encoding') !== undefined && header('content-encoding') !== 'identity')
    return fail('SW_MEDIA_TYPE', { contentType: `${contentType} (encoded)`.slice(0, 100) });
  const accept = header('accept');
  if (accept !== undefined && !/\*\/\*|application\/(json|\*)|text\/(event-stream|\*)/i.test(accept))
    return fail('SW_NOT_ACCEPTABLE', { needed: 'application/json or text/event-stream' });
  return undefined;
}

function readableId(value: unknown): string | number | null {
  const id = typeof value === 'object' && value !== null ? (value as { id?: unknown }).id : undefined;
  return typeof id === 'string' || Number.isInteger(id) ? (id as string | number) : null;
}
