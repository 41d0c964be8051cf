import type { Socket } from 'node:net';
import { fail } from '#kernel/errors/index.js';
import type { Logger } from '#kernel/telemetry/index.js';
import { localUser } from '#gateway/auth/index.js';
import { mcpStdio } from '#protocol/server/index.js';
import { compose, type Gateway } from '../compose.js';
import type { Config } from '../config.js';
import type { Settings } from '../settings.js';
import { connectionCount } from './connections.js';
import { openListener } from './listener.js';
import { openTls } from './tls.js';
import { isLoopback, mcpEndpoint } from './mcp-endpoint.js';
import { operationsRoutes, publicRoutes } from './routes.js';

export interface ServeOptions {
  readonly logger: Logger;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** A gateway that listens. */
export interface RunningServer {
  readonly gateway: Gateway;
  /** Address of the MCP endpoint. */
  readonly url: string;
  readonly operationsUrl: string;
  /** Only when this start made the first key: it cannot be read again. */
  readonly apiKey: string | undefined;
  /** Puts the configuration that `read` returns in force without dropping a session or a call. */
  reload(read: () => Config): Promise<void>;
  /** Drains: no new request, calls in flight finish within `drain.timeoutMs`, then everything is released. */
  stop(): Promise<void>;
}

/**
 * Starts the gateway with its two listeners.
 * @throws SW_PUBLIC_WITHOUT_AUTH, SW_ADDRESS_IN_USE, SW_CONFIG_INVALID, SW_STORAGE_*, SW_SECRET_UNAVAILABLE
 */
export async function serve(settings: Settings, options: ServeOptions): Promise<RunningServer> {
  const { config } = settings;
  const { server, operations, auth } = config;
  if (auth.mode === 'none') {
    if (!isLoopback(server.host)) throw fail('SW_PUBLIC_WITHOUT_AUTH', { host: server.host });
    options.logger.warn({}, 'auth.mode is none: everybody on this machine may call');
  }
  const gateway = await compose(config, { ...options, baseDir: settings.baseDir });
  const { metrics } = gateway;
  const mcp = mcpEndpoint(gateway);
  gateway.onPrincipalsEnded((principalIds) => mcp.endOf(principalIds));
  let ready = true;
  try {
    const apiKey = auth.mode === 'keys' ? await gateway.makeFirstKey() : undefined;
    const { requestTimeoutMs } = server;
    const onRefusal = (code: string) => metrics.refusals.inc({ code });
    const tls = server.tls && (await openTls(server.tls, { ...options, baseDir: settings.baseDir, metrics }));
    if (tls) gateway.parts.set('tls', () => tls.health());
    const count = connectionCount({
      ...server,
      exempt: server.trustedProxies,
      onOpen: (open) => metrics.openConnections.set(open),
    });
    const admit = (socket: Socket) => {
      const limit = count(socket);
      if (limit !== undefined) metrics.connectionsRefused.inc({ limit });
      return limit;
    };
    const front = await openListener(
      { ...server, tls, admit, onRefusal, onSlowClient: () => metrics.slowClients.inc() },
      publicRoutes(gateway, mcp, () => ready && gateway.catalog.settled),
    );
    const back = await openListener(
      { ...operations, requestTimeoutMs, onRefusal },
      operationsRoutes(gateway, mcp),
    ).catch(async (error: unknown) => {
      await front.close();
      await tls?.close();
      throw error;
    });
    options.logger.info({ url: `${front.url}/mcp`, operations: back.url }, 'listening');
    return {
      gateway,
      url: `${front.url}/mcp`,
      operationsUrl: back.url,
      apiKey,
      reload: (read) => gateway.reload(read),
      async stop() {
        ready = false;
        options.logger.info({ calls: gateway.context.calls.size }, 'draining');
        mcp.drain();
        const closed = front.close();
        await Promise.race([Promise.all([gateway.drain(), closed]), patience(config.drain.timeoutMs)]);
        front.server.closeAllConnections();
        await back.close();
        back.server.closeAllConnections();
        await tls?.close();
        mcp.stop();
        await gateway.stop();
        options.logger.info({}, 'stopped');
      },
    };
  } catch (error) {
    mcp.stop();
    await gateway.stop();
    throw error;
  }
}

/** The same gateway over stdin and stdout, for a client that starts a process. Resolves when the client has gone. */
export async function serveStdio(
  settings: Settings,
  options: ServeOptions & { readonly provider?: string | undefined },
): Promise<void> {
  const gateway = await compose(settings.config, { ...options, baseDir: settings.baseDir });
  try {
    if (options.provider !== undefined && !gateway.catalog.serves(options.provider))
      throw fail('SW_PROVIDER_UNKNOWN', { provider: options.provider });
    await mcpStdio(gateway.context, {
      input: process.stdin,
      output: process.stdout,
      principal: localUser(settings.config.auth.stdioRoles),
      route: { provider: options.provider },
      maxLineBytes: settings.config.limits.maxBodyBytes,
    });
    await gateway.drain();
  } finally {
    await gateway.stop();
  }
}

const patience = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms).unref());
