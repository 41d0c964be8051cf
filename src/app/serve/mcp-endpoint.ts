import { mcpHttp, type McpHttp } from '#protocol/server/index.js';
import type { Gateway } from '../compose.js';
import { publicEdge } from './edges.js';

/** The gateway's MCP endpoint with the limits of its configuration. */
export function mcpEndpoint(gateway: Gateway): McpHttp {
  const { config, metrics, protectedResource } = gateway;
  const { limits, sessions } = config;
  return mcpHttp(gateway.context, {
    edge: publicEdge(gateway),
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
    challenge: protectedResource && ((target, error) => protectedResource.challenge(target, error)),
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

export const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || /^127\./.test(host);
