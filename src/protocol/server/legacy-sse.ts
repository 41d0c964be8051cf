import { randomBytes } from 'node:crypto';
import type { Origin, Principal } from '#kernel/context/index.js';
import { fail } from '#kernel/errors/index.js';
import { argumentsTextOf, parseStrict } from '../jsonrpc/index.js';
import type { HttpAnswer } from '../transport/index.js';
import { classify } from './classify.js';
import { LegacyConnection } from './legacy-connection.js';
import type { Route } from './handler.js';
import type { ServingContext } from './peer.js';
import type { StreamKeeper } from './stream-keeper.js';

interface OpenConnection {
  readonly connection: LegacyConnection;
  readonly principal: Principal;
}

interface SseEntry {
  readonly principal: Principal;
  readonly route: Route;
  readonly origin: Origin;
}

/**
 * The HTTP+SSE transport of revision 2024-11-05, for clients that know nothing newer. GET opens the stream, whose
 * first event names the address for POSTs; every answer goes down the stream. Nothing can be resumed: the connection
 * is the session.
 */
export class LegacySse {
  readonly #context: ServingContext;
  readonly #keeper: StreamKeeper;
  readonly #open = new Map<string, OpenConnection>();

  constructor(context: ServingContext, keeper: StreamKeeper) {
    this.#context = context;
    this.#keeper = keeper;
  }

  /** @throws SW_OVERLOADED, SW_CONCURRENCY_LIMITED */
  get({ principal, route, origin }: SseEntry, answer: HttpAnswer): void {
    this.#keeper.admitListener(principal);
    // Unguessable: together with the credential it is what ties a POST to its stream.
    const id = randomBytes(24).toString('base64url');
    const connection = new LegacyConnection(this.#context, {
      principal,
      route,
      origin: { ...origin, transport: 'sse' },
      key: id,
      send: (pieces) => answer.event(pieces),
    });
    this.#open.set(id, { connection, principal });
    const close = () => {
      this.#open.delete(id);
      connection.close();
      release();
    };
    const release = this.#keeper.openListener(answer, principal, () => {
      answer.end();
      close();
    });
    answer.onDisconnect(close);
    answer.namedEvent('endpoint', `/messages?sessionId=${id}`);
  }

  /** @throws SW_SESSION_UNKNOWN, SW_JSON_PARSE, SW_REQUEST_INVALID */
  post(principal: Principal, sessionId: string | null, body: Buffer, answer: HttpAnswer): void {
    const open = sessionId === null ? undefined : this.#open.get(sessionId);
    if (open?.principal.id !== principal.id) throw fail('SW_SESSION_UNKNOWN');
    const { value, wideNumber } = parseStrict(body, this.#context.maxJsonDepth);
    const inbound = classify(value, undefined);
    if (inbound.batch || inbound.family === 'modern')
      throw fail('SW_REQUEST_INVALID', { reason: 'this address serves single messages of revision 2024-11-05' });
    answer.empty(202);
    void open.connection.take(inbound.entry, wideNumber ? argumentsTextOf(body) : undefined, body.length);
  }
}
