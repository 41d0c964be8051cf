import type { IncomingMessage, ServerResponse } from 'node:http';
import type { z } from 'zod';
import type { Origin, Principal } from '#kernel/context/index.js';
import { fail, toSeaworthyError, type SeaworthyError } from '#kernel/errors/index.js';
import { parseStrict } from '#protocol/jsonrpc/index.js';
import { clientCertificate, readBody, type Arrival, type Edge } from '#protocol/transport/index.js';
import { adminName } from './admission.js';
import { sendAnswer, sendProblem } from './problem.js';
import type { ApiRoute } from './route.js';
import type { ApiServices } from './services.js';
import { apiRoot, type Match, type RouteTable } from './table.js';

export interface ApiEndpointOptions {
  readonly table: RouteTable;
  /** Of the listener. */
  readonly edge: Edge;
  readonly maxBodyBytes: number;
  readonly maxJsonDepth: number;
  /** Told of the code of every refusal and failure. */
  readonly onRefusal: (code: string) => void;
}

/** One request on its way; `route` is known once it was found. */
interface Exchange {
  readonly id: string;
  readonly startedAt: number;
  readonly origin: Origin;
  readonly request: IncomingMessage;
  route: ApiRoute | undefined;
}

/**
 * The REST interface as a request listener for `node:http`. The order is that of a call: host and origin, credential,
 * rate, route, admission; only then is a body read. Whatever comes after the credential leaves an audit record.
 */
export function apiEndpoint(services: ApiServices, options: ApiEndpointOptions) {
  const { table, edge } = options;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const arrival = edge.enter(request);
    const { address, requestId: id } = arrival;
    const origin: Origin = { transport: 'http', address, requestId: id };
    const exchange: Exchange = { id, startedAt: performance.now(), origin, request, route: undefined };
    try {
      services.handler.enter(address);
      if (arrival.preflight) return void response.writeHead(204, arrival.headers).end();
      const principal = await enter(exchange, arrival);
      const answer = await recorded(principal, exchange);
      sendAnswer(response, arrival.headers, answer.status, answer.body);
    } catch (thrown) {
      const error = toSeaworthyError(thrown);
      options.onRefusal(error.code);
      if (error.kind !== 'caller')
        services.logger.error({ requestId: exchange.id, code: error.code, err: error }, 'a REST request failed');
      sendProblem(response, arrival.headers, error, id);
    }
  }

  function enter({ request, origin }: Exchange, { refusal }: Arrival): Principal | Promise<Principal> {
    if (refusal) throw refusal;
    return services.handler.authenticate({
      transport: 'http',
      header: (name) => {
        const value = request.headers[name];
        return typeof value === 'string' ? value : value?.join(', ');
      },
      address: origin.address,
      method: request.method ?? 'GET',
      target: request.url ?? '/',
      certificate: clientCertificate(request.socket),
    });
  }

  async function recorded(principal: Principal, exchange: Exchange): Promise<{ status: number; body: unknown }> {
    try {
      const body = await decide(principal, exchange);
      record(services, principal, exchange, undefined);
      return { status: exchange.route?.status ?? 200, body };
    } catch (thrown) {
      const error = toSeaworthyError(thrown);
      record(services, principal, exchange, error);
      throw error;
    }
  }

  async function decide(principal: Principal, exchange: Exchange): Promise<unknown> {
    const { request } = exchange;
    await services.handler.admit(principal);
    if (services.audit.refusal) throw services.audit.refusal;
    const [path = '', query = ''] = (request.url ?? '/').split('?', 2);
    const match = table.find(request.method ?? 'GET', path);
    const { route } = match;
    exchange.route = route;
    if (route.admission !== 'authenticated' && !services.admits(principal, route.admission))
      throw fail('SW_ACCESS_DENIED', { kind: adminName, name: route.admission });
    const body = route.body && (await readJson(request, options));
    const result: unknown = await route.handle({ ...partsOf(match, query, body), principal }, services);
    return route.answer.parse(result);
  }

  return {
    owns: (url: string): boolean => url === apiRoot || url.startsWith(`${apiRoot}/`),
    handle: (request: IncomingMessage, response: ServerResponse): void => void serve(request, response),
  };
}

function record(
  services: ApiServices,
  principal: Principal,
  exchange: Exchange,
  error: SeaworthyError | undefined,
): void {
  const { id, origin, request, route, startedAt } = exchange;
  services.audit.write({
    kind: 'api',
    time: services.now(),
    requestId: id,
    principal,
    origin,
    method: request.method,
    provider: adminName,
    name: route?.admission,
    shown: (request.url ?? '/').split('?', 1)[0],
    outcome: error === undefined ? 'ok' : error.kind === 'caller' ? 'refused' : 'error',
    code: error?.code,
    durationMs: performance.now() - startedAt,
  });
}

/** @throws SW_REST_INVALID */
function partsOf({ route, params }: Match, query: string, body: unknown) {
  const entries = [...new URLSearchParams(query)];
  const repeated = entries.find(([name], i) => entries.findIndex((other) => other[0] === name) !== i)?.[0];
  if (repeated !== undefined) throw fail('SW_REST_INVALID', { reason: `query.${repeated} is given twice` });
  return {
    params: parsed(route.params, params, 'path'),
    query: parsed(route.query, Object.fromEntries(entries), 'query'),
    body: route.body && parsed(route.body, body, 'body'),
  };
}

function parsed(schema: z.ZodObject, value: unknown, place: string): unknown {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const reason = result.error.issues
    .map(({ path, message }) => `${[place, ...path].join('.')}: ${message}`)
    .join('; ')
    .slice(0, 500);
  throw fail('SW_REST_INVALID', { reason });
}

/** @throws SW_MEDIA_TYPE, SW_BODY_TOO_LARGE, SW_JSON_PARSE, SW_JSON_TOO_DEEP, SW_JSON_DUPLICATE_KEY */
async function readJson(
  request: IncomingMessage,
  { maxBodyBytes, maxJsonDepth }: Pick<ApiEndpointOptions, 'maxBodyBytes' | 'maxJsonDepth'>,
): Promise<unknown> {
  const { 'content-type': contentType = '(none)', 'content-encoding': encoding } = request.headers;
  // A form of another page cannot send this type, so it is a part of the defence against forged requests.
  if (!/^application\/json(?:\s*;\s*charset=utf-8)?$/i.test(contentType) || encoding !== undefined)
    throw fail('SW_MEDIA_TYPE', { contentType: contentType.slice(0, 100) });
  const bytes = await new Promise<Buffer>((resolve, reject) => {
    readBody(request, maxBodyBytes, (error, body) => (error ? reject(error) : resolve(body)));
  });
  return parseStrict(bytes, maxJsonDepth).value;
}
