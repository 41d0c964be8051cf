export { HttpAnswer } from './http/answer.js';
export { readBody } from './http/body.js';
export { hostGuard, loopbackHosts, type HostPolicy } from './http/guard.js';
export { SseParser, type SseEvent } from './sse.js';
export { idOfLongLine, LineReader, type LongLine } from './line-reader.js';
