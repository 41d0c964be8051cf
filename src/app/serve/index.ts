export { serve, serveStdio, type RunningServer, type ServeOptions } from './serve.js';
export { mcpEndpoint } from './mcp-endpoint.js';
