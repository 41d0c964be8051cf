export { HttpAnswer } from './http/answer.js';
export { clientCertificate, type ClientCertificate } from './http/client-certificate.js';
export { readBody } from './http/body.js';
export { loopbackHosts } from './http/guard.js';
export { openEdge, type Arrival, type Edge } from './http/edge.js';
export { securityHeaders } from './http/security-headers.js';
export { SseParser, type SseEvent } from './sse.js';
export { answeredId, edgesOf, LineReader, looksLikeAnswer, type LineEdges } from './line-reader.js';
