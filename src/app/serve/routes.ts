import type { IncomingMessage, ServerResponse } from 'node:http';
import { fail, toSeaworthyError, type SeaworthyError } from '#kernel/errors/index.js';
import { hostGuard } from '#protocol/transport/index.js';
import type { McpHttp } from '#protocol/server/index.js';
import type { Gateway } from '../compose.js';
import { hostsOf } from './mcp-endpoint.js';
import { providerMetrics } from './provider-metrics.js';
import { openApiDocument } from './openapi.js';
import { sendJson } from './listener.js';

type Answer = { readonly status: number; readonly body: unknown };

/** What the public listener serves: MCP, and the few addresses that need no key. */
export function publicRoutes(gateway: Gateway, mcp: McpHttp, isReady: () => boolean) {
  const { server } = gateway.config;
  const guard = hostGuard({ hosts: hostsOf(server), origins: server.allowedOrigins });
  const routes: Record<string, () => Answer | Promise<Answer>> = {
    '/health': () => briefHealth(gateway),
    '/ready': () => ({ status: isReady() ? 200 : 503, body: { ready: isReady() } }),
    '/openapi.json': () => ({ status: 200, body: openApiDocument() }),
  };
  return (request: IncomingMessage, response: ServerResponse): void => {
    const url = request.url ?? '/';
    if (mcp.owns(url)) mcp.handle(request, response);
    else serveGet(routes, guard, request, response);
  };
}

/** What the operations listener serves; it is bound to loopback unless the operator says otherwise. */
export function operationsRoutes(gateway: Gateway, mcp: McpHttp) {
  const { operations } = gateway.config;
  const guard = hostGuard({ hosts: hostsOf(operations), origins: [] });
  const routes: Record<string, () => Answer | Promise<Answer>> = {
    '/health/detailed': async () => {
      const health = await gateway.health();
      return { status: statusOf(health.status), body: { ...health, ...mcp.counts(), memory: process.memoryUsage() } };
    },
  };
  return (request: IncomingMessage, response: ServerResponse): void => {
    if (request.url !== '/metrics') {
      serveGet(routes, guard, request, response);
      return;
    }
    const refusal = guard(request.headers.host, request.headers.origin);
    if (refusal) sendError(response, refusal);
    else void sendMetrics(gateway, response);
  };
}

async function sendMetrics(gateway: Gateway, response: ServerResponse): Promise<void> {
  try {
    gateway.metrics.activeCalls.set(gateway.context.calls.size);
    const text = (await gateway.metrics.text()) + providerMetrics(gateway.catalog.providers);
    response.writeHead(200, { 'content-type': gateway.metrics.contentType, 'cache-control': 'no-store' });
    response.end(text);
  } catch (error) {
    gateway.logger.error({ err: error }, 'the metrics could not be written');
    sendError(response, toSeaworthyError(error));
  }
}

function serveGet(
  routes: Readonly<Record<string, () => Answer | Promise<Answer>>>,
  guard: ReturnType<typeof hostGuard>,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const path = (request.url ?? '/').split('?', 1)[0] as string;
  const refusal = guard(request.headers.host, request.headers.origin);
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
  if (refusal) sendError(response, refusal);
  else if (!route) sendError(response, fail('SW_ROUTE_UNKNOWN', { path }));
  else if (request.method !== 'GET' && request.method !== 'HEAD')
    sendError(response, fail('SW_HTTP_METHOD', { method: request.method }));
  else
    Promise.resolve(route()).then(
      ({ status, body }) => sendJson(response, status, body),
      (error: unknown) => sendError(response, toSeaworthyError(error)),
    );
}

const sendError = (response: ServerResponse, error: SeaworthyError): void =>
  sendJson(response, error.entry.http, { error: { code: error.code, message: error.message, hint: error.hint } });

/** Liveness for load balancers: states without messages, which may name what is inside. */
async function briefHealth(gateway: Gateway): Promise<Answer> {
  const { status, time, components } = await gateway.health();
  const brief = Object.fromEntries(Object.entries(components).map(([name, component]) => [name, component.status]));
  return { status: statusOf(status), body: { status, time, components: brief } };
}

const statusOf = (status: string): number => (status === 'unhealthy' ? 503 : 200);
