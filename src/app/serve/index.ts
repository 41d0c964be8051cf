export { serve, serveStdio, type RunningServer, type ServeOptions } from './serve.js';
export { isLoopback, mcpEndpoint } from './mcp-endpoint.js';
