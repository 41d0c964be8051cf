import { loopbackHosts, openEdge, type Edge } from '#protocol/transport/index.js';
import type { Gateway } from '../compose.js';

/** The edge of the public listener. @param addresses who may come; default: `server.allowedAddresses` */
export function publicEdge({ config, context }: Gateway, addresses = config.server.allowedAddresses): Edge {
  const { server } = config;
  return openEdge({
    hosts: { hosts: hostsOf(server), origins: server.allowedOrigins },
    trustedProxies: server.trustedProxies,
    forwardedHeader: server.forwardedHeader,
    allowedAddresses: addresses,
    cors: server.cors,
    nextRequestId: context.nextRequestId,
  });
}

/** The edge of the operations listener: no page may read it, no proxy is trusted. */
export const operationsEdge = ({ config, context }: Gateway): Edge =>
  openEdge({
    hosts: { hosts: hostsOf(config.operations), origins: [] },
    allowedAddresses: config.operations.allowedAddresses,
    nextRequestId: context.nextRequestId,
  });

/** Host headers that a listener accepts: loopback, its own address, and those that the operator listed. */
const hostsOf = (listener: { host: string; allowedHosts: readonly string[] }): string[] => [
  ...loopbackHosts,
  ...(isWildcard(listener.host) ? [] : [listener.host.includes(':') ? `[${listener.host}]` : listener.host]),
  ...listener.allowedHosts,
];

const isWildcard = (host: string): boolean => host === '0.0.0.0' || host === '::';
