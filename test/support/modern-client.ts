import { latestModern, meta } from '#protocol/model/index.js';
import { jsonHeaders } from './mcp-http.js';
import { WireClient, type Reply } from './mcp-wire.js';

/** What one request says besides its method and params. */
export interface ModernRequestOptions {
  readonly capabilities?: object;
  readonly meta?: object;
}

/** A client of revision 2026-07-28 on the wire: nothing is retried, followed or hidden. */
export class ModernClient {
  readonly #wire: WireClient;
  readonly #path: string;
  #nextId = 1;

  constructor(url: string) {
    const { hostname, port, pathname } = new URL(url);
    this.#wire = new WireClient(hostname, Number(port));
    this.#path = pathname;
  }

  /** Sends one request and reads its whole answer. */
  send(method: string, params: object = {}, options: ModernRequestOptions = {}): Promise<Reply> {
    const { name, uri } = params as { name?: string; uri?: string };
    const _meta = {
      [meta.protocolVersion]: latestModern,
      [meta.clientCapabilities]: options.capabilities ?? everything,
      ...options.meta,
    };
    const mirrored = name ?? uri;
    return this.#wire.send({
      path: this.#path,
      headers: {
        ...jsonHeaders,
        'mcp-protocol-version': latestModern,
        'mcp-method': method,
        ...(mirrored === undefined ? {} : { 'mcp-name': mirrored }),
      },
      body: { jsonrpc: '2.0', id: this.#nextId++, method, params: { ...params, _meta } },
    });
  }

  /** Calls a tool; the answer's message, wherever it came. */
  async callTool(name: string, params: object = {}, options: ModernRequestOptions = {}) {
    const reply = await this.send('tools/call', { name, ...params }, options);
    const message = reply.json ?? reply.events.at(-1)?.message;
    return { status: reply.status, result: message?.result, error: message?.error, events: reply.events };
  }

  close(): void {
    this.#wire.close();
  }
}

const everything = { elicitation: { form: {}, url: {} }, sampling: { tools: {} }, roots: {} };
