export { mcpHttp, type McpHttp, type McpHttpOptions } from './http.js';
export { mcpStdio, type McpStdioOptions } from './stdio.js';
export { CallRegistry, type ServingContext } from './peer.js';
export { retryHeaders } from './failure.js';
export { decodeMirrored } from './headers.js';
export type { Credentials, EndedSession, Handler, InboundCall, Listener, Listening, Route } from './handler.js';
export type { Revocations } from './session-token.js';
