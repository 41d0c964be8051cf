export { DuplexPeer, type QuestionOutcome } from './duplex-peer.js';
export type { HttpOutcome } from './http-call.js';
export { HttpEndpoint } from './http-endpoint.js';
export { HttpPools, type HttpPoolSettings } from './http-pools.js';
export { HttpPeer } from './http-peer.js';
export { HttpSession } from './http-session.js';
export { cancelledError, faultsOf, type Faults, type OutboundCall, type Peer } from './peer.js';
export { implementationOf, type ServerFacts } from './server-facts.js';
export { openSseConnection } from './sse-connection.js';
