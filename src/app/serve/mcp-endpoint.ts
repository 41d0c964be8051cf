import { loopbackHosts } from '#protocol/transport/index.js';
import { mcpHttp, type McpHttp } from '#protocol/server/index.js';
import type { Gateway } from '../compose.js';

/** The gateway's MCP endpoint with the limits of its configuration. */
export function mcpEndpoint(gateway: Gateway): McpHttp {
  const { config, metrics } = gateway;
  const { limits, sessions } = config;
  return mcpHttp(gateway.context, {
    hosts: { hosts: hostsOf(config.server), origins: config.server.allowedOrigins },
    maxBodyBytes: limits.maxBodyBytes,
    maxBufferedBytes: limits.maxBufferedBytes,
    streams: {
      maxStreams: limits.maxStreams,
      maxStreamsPerPrincipal: limits.maxStreamsPerPrincipal,
      keepAliveMs: sessions.keepAliveMs,
    },
    sessions: {
      ...gateway.sessionParts,
      maxAgeMs: sessions.maxAgeMs,
      idleMs: sessions.idleMs,
      maxLive: sessions.maxLive,
      maxStreamsPerSession: sessions.streamsPerSession,
      replay: { maxEvents: sessions.replayEvents, maxBytes: sessions.replayBytes },
    },
    legacySse: config.server.legacySse,
    legacy: { streamAfterMs: sessions.streamAfterMs, retryMs: sessions.retryMs },
    onAnswer: (status) => metrics.httpRequest(status),
    onRefusal: (code) => {
      metrics.refusals.inc({ code });
      // Refused before there is anything to audit; what is audited is counted with its record.
      if (code === 'SW_HOST_REFUSED') metrics.securityEvents.inc({ event: 'host.refused' });
      if (code === 'SW_ORIGIN_REFUSED') metrics.securityEvents.inc({ event: 'origin.refused' });
    },
    onStreams: (open) => metrics.openStreams.set(open),
    onSlowClient: () => metrics.slowClients.inc(),
  });
}

/** Host headers that a listener accepts: loopback, its own address, and those that the operator listed. */
export const hostsOf = (listener: { host: string; allowedHosts: readonly string[] }): string[] => [
  ...loopbackHosts,
  ...(isWildcard(listener.host) ? [] : [listener.host.includes(':') ? `[${listener.host}]` : listener.host]),
  ...listener.allowedHosts,
];

const isWildcard = (host: string): boolean => host === '0.0.0.0' || host === '::';
export const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || /^127\./.test(host);
