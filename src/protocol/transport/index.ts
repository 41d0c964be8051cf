export { HttpAnswer } from './http/answer.js';
export { readBody } from './http/body.js';
export { hostGuard, loopbackHosts, type HostPolicy } from './http/guard.js';
export { SseParser, type SseEvent } from './sse.js';
export { answeredId, edgesOf, LineReader, looksLikeAnswer, type LineEdges } from './line-reader.js';
