import type { CallScope } from '#kernel/context/index.js';
import { isObject, PeerError, type RawResult } from '#protocol/jsonrpc/index.js';
import { latestModern, type ModelRequest, type Tool } from '#protocol/model/index.js';
import { legacy, modern } from '#protocol/revisions/index.js';
import type { ProviderCall } from '../catalog/index.js';
import type { ModernConnection } from './dialer.js';

/** Calls in the modern family: the envelope in the body, and its mirror in the headers over HTTP. */
export class ModernCalls {
  readonly #connect: () => Promise<ModernConnection | undefined>;
  readonly #refresh: () => Promise<unknown>;
  /** Tools with arguments to mirror; most have none. */
  #mirrored = new Map<string, readonly modern.ParamHeader[]>();

  constructor(connect: () => Promise<ModernConnection | undefined>, refresh: () => Promise<unknown>) {
    this.#connect = connect;
    this.#refresh = refresh;
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
    const connection = await this.#connect();
    if (!connection) return undefined;
    const outbound = { ...call, request: modern.encodeModern(call.request, call.client) };
    try {
      return await connection.peer.request({
        ...outbound,
        headers: this.#headers(connection, outbound.request, call.scope),
      });
    } catch (thrown) {
      // The tool's annotations have changed since we read them: nothing was executed.
      if (!connection.mirrorsHeaders || !(thrown instanceof PeerError) || thrown.error.code !== -32020) throw thrown;
      await this.#refresh();
      return connection.peer.request({ ...outbound, headers: this.#headers(connection, outbound.request, call.scope) });
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
