import { CallScope } from '#kernel/context/index.js';
import { readEnvironment } from '#kernel/config/index.js';
import { fail, reasonOf, SeaworthyError } from '#kernel/errors/index.js';
import { createLogger, type Logger } from '#kernel/telemetry/index.js';
import { PeerError, RawResult } from '#protocol/jsonrpc/index.js';
import { latestModern, type ClientFacts, type JsonObject, type ModelResult, type Tool } from '#protocol/model/index.js';
import { localUser } from '#gateway/auth/index.js';
import { createUpstream } from '#gateway/upstreams/index.js';
import { compose } from '../compose.js';
import type { Config } from '../config.js';
import { loadSettings } from '../settings.js';
import { packageVersion } from '../version.js';
import { commandLogger } from './logging.js';
import { settled } from './providers-table.js';

/** Tools that can be listed and called: those of the configuration, in this process, or those of a running server. */
export interface ToolSource {
  readonly tools: readonly Tool[];
  /** Providers that did not answer. */
  readonly unavailable: readonly string[];
  /** @throws SW_CALL_REFUSED for an error of the protocol */
  call(name: string, given: JsonObject, onNotice: (text: string) => void): Promise<JsonObject>;
  close(): Promise<void>;
}

export interface ToolSourceOptions {
  readonly config?: string;
  readonly url?: string;
  readonly key?: string;
  readonly provider?: string;
  readonly logLevel?: string;
}

/**
 * @param name the tool that will be called; in this process only its provider is started then
 * @throws SW_SERVER_UNREACHABLE, SW_UNAUTHENTICATED, SW_PROVIDER_UNKNOWN and what composing throws
 */
export function openToolSource(options: ToolSourceOptions, name?: string): Promise<ToolSource> {
  return options.url === undefined ? openLocal(options, name) : openRemote(options, options.url);
}

const client: ClientFacts = {
  family: 'modern',
  revision: latestModern,
  info: { name: 'seaworthy-cli', version: packageVersion },
  // A command line answers no questions: a server that has some says so instead of waiting.
  capabilities: {},
};

async function openLocal(options: ToolSourceOptions, name: string | undefined): Promise<ToolSource> {
  const environment = readEnvironment();
  const { config, baseDir } = loadSettings({ file: options.config, environment });
  const logger = commandLogger(config, options.logLevel ?? 'silent');
  const provider = options.provider ?? providerOf(config, name);
  if (options.provider !== undefined && !isConfigured(config, options.provider))
    throw fail('SW_PROVIDER_UNKNOWN', { provider: options.provider });
  const gateway = await compose(provider === undefined ? config : only(config, provider), {
    logger,
    baseDir,
    environment,
  });
  const principal = localUser(config.auth.stdioRoles);
  const route = { provider: options.provider };
  const close = () => gateway.stop();
  try {
    await settled(gateway.catalog);
    const unavailable = gateway.catalog.providers.filter((each) => each.snapshot() === undefined);
    // One provider was wanted and did not answer: asking once more says why.
    if (provider !== undefined) await unavailable[0]?.refresh();
    const view = await gateway.catalog.view(options.provider, principal, 'modern');
    return {
      tools: [...view.tools.values()].map(({ shown }) => shown),
      unavailable: unavailable.map(({ id }) => id),
      call: (tool, given, onNotice) =>
        answered(
          gateway.handler.handle({
            request: toolCall(tool, given),
            client,
            route,
            scope: new CallScope('cli', principal, performance.now()),
            channel: { notify: ({ params }) => onNotice(noticeOf(params)) },
            session: undefined,
            header: undefined,
            bytesIn: 0,
          }),
        ),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A running server is an upstream like any other, so both protocol families and every transport work. */
async function openRemote(options: ToolSourceOptions, given: string): Promise<ToolSource> {
  const url = endpointOf(given, options.provider);
  const key = options.key ?? readEnvironment()['SEAWORTHY_KEY'];
  const logger: Logger = createLogger({ level: options.logLevel ?? 'silent', destination: 'stderr' });
  const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const server = createUpstream(
    'server',
    { url, headers },
    { logger, self: { name: 'seaworthy-cli', version: packageVersion } },
  );
  const principal = localUser([]);
  try {
    const { tools } = await server.refresh();
    return {
      tools,
      unavailable: [],
      call: (tool, args, onNotice) =>
        answered(
          server.invoke({
            request: toolCall(tool, args),
            client,
            scope: new CallScope('cli', principal, performance.now()),
            channel: { notify: ({ params }) => onNotice(noticeOf(params)) },
            session: undefined,
          }),
        ),
      close: () => server.stop(),
    };
  } catch (error) {
    await server.stop();
    throw unreachable(error, url);
  }
}

function unreachable(error: unknown, url: string): unknown {
  if (!(error instanceof SeaworthyError)) return error;
  if (error.code === 'SW_UPSTREAM_REFUSED') return fail('SW_UNAUTHENTICATED', {}, error);
  const reason = typeof error.details['reason'] === 'string' ? error.details['reason'] : reasonOf(error);
  return fail('SW_SERVER_UNREACHABLE', { url, reason }, error);
}

/** `/mcp` is where it is unless the address says otherwise. @throws SW_USAGE */
function endpointOf(text: string, provider: string | undefined): string {
  if (!/^https?:/.test(text) || !URL.canParse(text))
    throw fail('SW_USAGE', { reason: `--url takes an address such as http://127.0.0.1:53000/mcp, not "${text}".` });
  const url = new URL(text);
  if (url.pathname === '/') url.pathname = '/mcp';
  if (provider !== undefined) url.pathname = `${url.pathname.replace(/\/$/, '')}/${encodeURIComponent(provider)}`;
  return url.href;
}

const toolCall = (name: string, given: JsonObject) => ({
  method: 'tools/call',
  params: { name, arguments: given, _meta: { progressToken: 'cli' } },
});

async function answered(result: Promise<ModelResult>): Promise<JsonObject> {
  try {
    const value = await result;
    return value instanceof RawResult ? value.toObject() : value;
  } catch (error) {
    if (!(error instanceof PeerError)) throw error;
    const { code, message, data } = error.error;
    const { hint } = (data ?? {}) as { hint?: unknown };
    const next = typeof hint === 'string' ? hint : 'Compare the call with the schema of the tool.';
    const [reason, advice] = [message, next].map((sentence) => sentence.replace(/[.]$/, ''));
    throw fail('SW_CALL_REFUSED', { rpc: code, reason, next: advice }, error);
  }
}

/** Progress and log messages, as one line. */
function noticeOf({ message, data, progress, total }: JsonObject): string {
  const text = message ?? data;
  const said = text === undefined ? '' : typeof text === 'string' ? text : JSON.stringify(text);
  if (typeof progress !== 'number') return said;
  return `${progress}${typeof total === 'number' ? `/${total}` : ''} ${said}`.trim();
}

/** True where the configuration names the provider. */
export const isConfigured = ({ mcpServers, modules }: Config, id: string): boolean =>
  Object.hasOwn(mcpServers, id) || Object.hasOwn(modules, id);

/** The provider that a prefixed name belongs to. */
function providerOf(config: Config, name: string | undefined): string | undefined {
  const at = name?.indexOf('__') ?? -1;
  const id = name?.slice(0, Math.max(at, 0));
  return id !== undefined && isConfigured(config, id) ? id : undefined;
}

/** The configuration with one provider, so that a command starts no process that it does not need. */
export function only(config: Config, id: string): Config {
  const pick = <Value>(all: Record<string, Value>): Record<string, Value> =>
    Object.fromEntries(Object.entries(all).filter(([name]) => name === id));
  return { ...config, mcpServers: pick(config.mcpServers), modules: pick(config.modules) };
}
