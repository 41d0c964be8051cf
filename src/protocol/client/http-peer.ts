import type { JsonObject } from '../model/index.js';
import type { RawResult } from '../jsonrpc/index.js';
import { sendByHttp } from './http-call.js';
import type { HttpEndpoint } from './http-endpoint.js';
import type { OutboundCall, Peer, Unattributed } from './peer.js';

/** A modern peer over Streamable HTTP: each request stands alone. */
export class HttpPeer implements Peer {
  readonly #endpoint: HttpEndpoint;
  readonly #maxResultBytes: number;
  readonly #unattributed: Unattributed;
  #nextId = 1;

  constructor(endpoint: HttpEndpoint, maxResultBytes: number, unattributed: Unattributed) {
    this.#endpoint = endpoint;
    this.#maxResultBytes = maxResultBytes;
    this.#unattributed = unattributed;
  }

  async request(call: OutboundCall): Promise<RawResult> {
    const outcome = await sendByHttp({
      endpoint: this.#endpoint,
      id: this.#nextId++,
      call,
      headers: call.headers ?? [],
      maxResultBytes: this.#maxResultBytes,
      unattributed: this.#unattributed,
    });
    if (outcome.kind === 'gone') throw outcome.error;
    return outcome.result;
  }

  /** A modern client has nothing to notify by HTTP: closing a stream is the cancellation. */
  notify(_method: string, _params: JsonObject): void {}
}
