export { DuplexPeer, type DuplexPeerOptions, type Wire } from './duplex-peer.js';
export type { HttpOutcome } from './http-call.js';
export { HttpEndpoint, type HttpEndpointOptions } from './http-endpoint.js';
export { HttpPeer } from './http-peer.js';
export { HttpSession, type HttpSessionOptions } from './http-session.js';
export { LineReader, type LongLine } from './line-reader.js';
export { faultsOf, type Faults, type OutboundCall, type Peer, type Unattributed } from './peer.js';
export { implementationOf, type ServerFacts } from './server-facts.js';
export { openSseConnection, type SseConnection } from './sse-connection.js';
