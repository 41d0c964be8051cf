import { SeaworthyError } from '#kernel/errors/index.js';
import type { CallScope } from '#kernel/context/index.js';
import { isObject, PeerError, type RawResult } from '#protocol/jsonrpc/index.js';
import { latestModern, type ModelRequest, type Tool } from '#protocol/model/index.js';
import { legacy, modern } from '#protocol/revisions/index.js';
import type { ProviderCall } from '../catalog/index.js';
import type { ModernConnection } from './dialer.js';
import type { Audience } from './session-owner.js';

export interface ModernCallsOptions {
  readonly connect: (user: Audience) => Promise<ModernConnection | undefined>;
  /** Reads the lists anew. */
  readonly refresh: () => Promise<unknown>;
  /** Asks anew which family the server speaks. */
  readonly recheck: () => void;
  /** Takes a retry out of the budget. */
  readonly mayRetry: () => boolean;
}

/** Calls in the modern family: the envelope in the body, and its mirror in the headers over HTTP. */
export class ModernCalls {
  readonly #options: ModernCallsOptions;
  /** Tools with arguments to mirror; most have none. */
  #mirrored = new Map<string, readonly modern.ParamHeader[]>();

  constructor(options: ModernCallsOptions) {
    this.#options = options;
  }

  /** Takes over the annotations of a fresh list. */
  learn(tools: readonly Tool[]): void {
    this.#mirrored = new Map();
    for (const { name, inputSchema } of tools) {
      const scanned = modern.readParamHeaders(inputSchema);
      if (scanned.valid && scanned.headers.length > 0) this.#mirrored.set(name, scanned.headers);
    }
  }

  /** The result; undefined where the server does not speak this family. */
  async invoke(call: ProviderCall): Promise<RawResult | undefined> {
    const connection = await this.#options.connect(userOf(call));
    if (!connection) return undefined;
    const outbound = { ...call, request: modern.encodeModern(call.request, call.client) };
    try {
      return await connection.peer.request({
        ...outbound,
        headers: this.#headers(connection, outbound.request, call.scope),
      });
    } catch (thrown) {
      const stale = connection.mirrorsHeaders ? staleKnowledge(thrown) : undefined;
      if (!stale || !this.#options.mayRetry()) throw thrown;
      if (stale === 'family') this.#options.recheck();
      else await this.#options.refresh();
      const now = await this.#options.connect(userOf(call));
      return now?.peer.request({ ...outbound, headers: this.#headers(now, outbound.request, call.scope) });
    }
  }

  /** A request of our own. */
  own(connection: ModernConnection, plain: ModelRequest, scope: CallScope): Promise<RawResult> {
    const client = { family: 'modern', revision: latestModern, capabilities: legacy.everyClientCapability } as const;
    const request = modern.encodeModern(plain, client);
    return connection.peer.request({ request, scope, headers: this.#headers(connection, request, scope) });
  }

  #headers({ mirrorsHeaders }: ModernConnection, request: ModelRequest, scope: CallScope): string[] | undefined {
    if (!mirrorsHeaders) return undefined;
    const { params } = request;
    const mirrored = request.method === 'tools/call' ? this.#mirrored.get(String(params['name'])) : undefined;
    const headers = modern.modernHeaders(request, mirrored);
    const traced = isObject(params['_meta']) && 'traceparent' in params['_meta'];
    if (scope.traceparent !== undefined && !traced) headers.push('traceparent', scope.traceparent);
    return headers;
  }
}

/** Codes that a modern server gives to a request it has understood. */
const understood: ReadonlySet<number> = new Set([-32601, -32602, -32603, -32021]);
const entryStatuses: ReadonlySet<unknown> = new Set([400, 404, 405]);

/**
 * What we must have wrong for the server to refuse a request so, before it did anything: the annotations of the tool,
 * or the family (another revision, or an older server in its place).
 */
function staleKnowledge(thrown: unknown): 'annotations' | 'family' | undefined {
  if (thrown instanceof PeerError) {
    const { code } = thrown.error;
    if (code === -32020) return 'annotations';
    return code === -32022 || (entryStatuses.has(thrown.status) && !understood.has(code)) ? 'family' : undefined;
  }
  const isProtocol = thrown instanceof SeaworthyError && thrown.code === 'SW_UPSTREAM_PROTOCOL';
  return isProtocol && entryStatuses.has(thrown.details['status']) ? 'family' : undefined;
}
const userOf = ({ scope, session }: ProviderCall): Audience => ({
  principalId: scope.principal.id,
  sessionKey: session?.key,
});
