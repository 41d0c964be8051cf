import type { IncomingMessage, ServerResponse } from 'node:http';
import { fail, toSeaworthyError, type SeaworthyError } from '#kernel/errors/index.js';
import type { Arrival, Edge } from '#protocol/transport/index.js';
import { retryHeaders, type McpHttp } from '#protocol/server/index.js';
import { apiEndpoint, apiRoutes, openApiDocument, RouteTable } from '../api/index.js';
import type { Gateway } from '../compose.js';
import { operationsEdge, publicEdge } from './edges.js';
import { providerMetrics } from './provider-metrics.js';
import { sendJson } from './listener.js';

type Answer = { readonly status: number; readonly body: unknown };
type Routes = Readonly<Record<string, () => Answer | Promise<Answer>>>;

/** What the public listener serves: MCP, and the few addresses that need no key. */
export function publicRoutes(gateway: Gateway, mcp: McpHttp, isReady: () => boolean) {
  const { server, limits } = gateway.config;
  const edge = publicEdge(gateway);
  const api = apiEndpoint(gateway.api, {
    table: new RouteTable(apiRoutes),
    edge,
    maxBodyBytes: limits.maxBodyBytes,
    maxJsonDepth: limits.maxJsonDepth,
    onRefusal: (code) => gateway.metrics.refusals.inc({ code }),
  });
  const description = openApiDocument(apiRoutes);
  const probes = server.healthAddresses.length > 0 ? publicEdge(gateway, server.healthAddresses) : edge;
  const routes: Routes = {
    '/health': () => briefHealth(gateway),
    '/ready': () => ({ status: isReady() ? 200 : 503, body: { ready: isReady() } }),
    '/openapi.json': () => ({ status: 200, body: description }),
  };
  return (request: IncomingMessage, response: ServerResponse): void => {
    const url = request.url ?? '/';
    const metadata = gateway.protectedResource?.metadata(url);
    if (mcp.owns(url)) mcp.handle(request, response);
    else if (api.owns(url)) api.handle(request, response);
    else if (metadata) {
      const path = url.split('?', 1)[0] as string;
      serveGet(gateway, { [path]: () => ({ status: 200, body: metadata }) }, edge, request, response);
    } else serveGet(gateway, routes, isProbe(url) ? probes : edge, request, response);
  };
}

const isProbe = (url: string): boolean => url === '/health' || url === '/ready';

/** What the operations listener serves; it is bound to loopback unless the operator says otherwise. */
export function operationsRoutes(gateway: Gateway, mcp: McpHttp) {
  const edge = operationsEdge(gateway);
  const routes: Routes = {
    '/health/detailed': async () => {
      const health = await gateway.health();
      return { status: statusOf(health.status), body: { ...health, ...mcp.counts(), memory: process.memoryUsage() } };
    },
  };
  return (request: IncomingMessage, response: ServerResponse): void => {
    if (request.url !== '/metrics') {
      serveGet(gateway, routes, edge, request, response);
      return;
    }
    const arrival = arrive(gateway, edge, request);
    if (arrival.refusal) sendError(gateway, arrival, response, arrival.refusal);
    else void sendMetrics(gateway, arrival, response);
  };
}

/** What needs no key has a rate of its own, apart from that of calls: who watches is never shut out by who calls. */
function arrive(gateway: Gateway, edge: Edge, request: IncomingMessage): Arrival {
  const arrival = edge.enter(request);
  try {
    gateway.limitHealth(arrival.address);
    return arrival;
  } catch (error) {
    return { ...arrival, preflight: false, refusal: toSeaworthyError(error) };
  }
}

async function sendMetrics(gateway: Gateway, arrival: Arrival, response: ServerResponse): Promise<void> {
  try {
    gateway.metrics.activeCalls.set(gateway.context.calls.size);
    const text = (await gateway.metrics.text()) + providerMetrics(gateway.catalog.providers);
    response.writeHead(200, { ...arrival.headers, 'content-type': gateway.metrics.contentType });
    response.end(text);
  } catch (error) {
    gateway.logger.error({ err: error }, 'the metrics could not be written');
    sendError(gateway, arrival, response, toSeaworthyError(error));
  }
}

function serveGet(
  gateway: Gateway,
  routes: Routes,
  edge: Edge,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const arrival = arrive(gateway, edge, request);
  const path = (request.url ?? '/').split('?', 1)[0] as string;
  const refuse = (error: SeaworthyError) => sendError(gateway, arrival, response, error);
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
  if (arrival.refusal) refuse(arrival.refusal);
  else if (arrival.preflight) response.writeHead(204, arrival.headers).end();
  else if (!route) refuse(fail('SW_ROUTE_UNKNOWN', { path }));
  else if (request.method !== 'GET' && request.method !== 'HEAD')
    refuse(fail('SW_HTTP_METHOD', { method: request.method }));
  else
    Promise.resolve(route()).then(
      ({ status, body }) => sendJson(response, arrival.headers, status, body),
      (error: unknown) => refuse(toSeaworthyError(error)),
    );
}

function sendError(gateway: Gateway, arrival: Arrival, response: ServerResponse, error: SeaworthyError): void {
  gateway.metrics.refusals.inc({ code: error.code });
  const { code, message, hint, entry } = error;
  sendJson(response, { ...arrival.headers, ...retryHeaders(error) }, entry.http, { error: { code, message, hint } });
}

/** Liveness for load balancers: states without messages, which may name what is inside. */
async function briefHealth(gateway: Gateway): Promise<Answer> {
  const { status, time, components } = await gateway.health();
  const brief = Object.fromEntries(Object.entries(components).map(([name, component]) => [name, component.status]));
  return { status: statusOf(status), body: { status, time, components: brief } };
}

const statusOf = (status: string): number => (status === 'unhealthy' ? 503 : 200);
