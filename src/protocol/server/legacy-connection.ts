import { CallScope, type Origin, type Principal } from '#kernel/context/index.js';
import { fail } from '#kernel/errors/index.js';
import type { RpcMessage, RpcRequest } from '../jsonrpc/index.js';
import { legacy } from '../revisions/index.js';
import { encodeError, encodeNotification, encodeResult, type Pieces } from './encode.js';
import { toFailure } from './failure.js';
import type { Route } from './handler.js';
import { admitBatch, answerLegacy, initialize } from './legacy-methods.js';
import { clientOf, LiveSession } from './live-session.js';
import type { ServingContext } from './peer.js';
import type { SessionFacts } from './session-token.js';

export interface LegacyConnectionOptions {
  readonly principal: Principal;
  readonly route: Route;
  readonly origin: Origin;
  /** Names the connection among the calls in flight. */
  readonly key: string;
  /** Writes one message to the client. */
  readonly send: (pieces: Pieces) => void;
}

/**
 * A legacy client on a connection of its own (stdio, HTTP+SSE): the connection is the session, and everything goes
 * through it.
 *
 *   new --initialize--> open --close--> closed
 */
export class LegacyConnection {
  readonly #context: ServingContext;
  readonly #options: LegacyConnectionOptions;
  #session: LiveSession | undefined;

  constructor(context: ServingContext, options: LegacyConnectionOptions) {
    this.#context = context;
    this.#options = options;
  }

  /** Takes one message; resolves when it has been dealt with. Never rejects: a failure is sent as an answer. */
  async take(
    entry: RpcMessage,
    argumentsText: string | undefined,
    bytesIn: number,
    reply = this.#options.send,
  ): Promise<void> {
    if (entry.kind === 'response') this.#session?.answer(entry.message);
    else if (entry.kind === 'request') await this.#serve(entry.message, argumentsText, bytesIn, reply);
    else if (entry.message.method === 'notifications/cancelled')
      this.#context.calls.cancel(this.#options.key, entry.message.params?.['requestId']);
  }

  /**
   * Takes the messages of a batch and answers all in one; what calls say in between goes out by itself. Never rejects.
   * @throws SW_BATCH_UNSUPPORTED, SW_REQUEST_INVALID
   */
  takeBatch(entries: readonly RpcMessage[], bytesIn: number): Promise<void> {
    admitBatch(this.#session?.facts, entries.length);
    return this.#answerBatch(entries, Math.ceil(bytesIn / entries.length));
  }

  async #answerBatch(entries: readonly RpcMessage[], bytesEach: number): Promise<void> {
    const answers: (string | Buffer)[] = [];
    const reply = (pieces: Pieces) => void answers.push(answers.length === 0 ? '[' : ',', ...pieces);
    await Promise.all(entries.map((entry) => this.take(entry, undefined, bytesEach, reply)));
    if (answers.length > 0) this.#options.send([...answers, ']']);
  }

  /** Ends the session; what still runs is cancelled. */
  close(): void {
    this.#context.calls.cancelAll(this.#options.key);
    if (!this.#session) return;
    this.#session.close();
    const { key, principal, route, origin } = this.#options;
    this.#context.handler.ended({ session: { key }, client: this.#session.client, route, principal, origin });
  }

  async #serve(
    message: RpcRequest,
    argumentsText: string | undefined,
    bytesIn: number,
    reply: (pieces: Pieces) => void,
  ): Promise<void> {
    const { key, principal, origin } = this.#options;
    const scope = new CallScope(this.#context.nextRequestId(), principal, performance.now(), undefined, origin);
    const done = this.#context.calls.add(key, message.id, scope);
    try {
      if (message.method === 'initialize' && !this.#session) await this.#initialize(message, scope, bytesIn);
      else reply(await this.#answer(message, argumentsText, scope, bytesIn));
    } catch (error) {
      if (scope.cancelled !== 'client')
        reply([encodeError(message.id, toFailure(error, 'legacy', message.method, scope.id).error)]);
    } finally {
      this.#session?.release(scope);
      done();
      scope.end();
    }
  }

  async #initialize(message: RpcRequest, scope: CallScope, bytesIn: number): Promise<void> {
    const { key, principal, route, send } = this.#options;
    const said = legacy.decodeInitialize(message);
    const facts: SessionFacts = { key, principalId: principal.id, provider: route.provider, startedAt: 0, ...said };
    const session = new LiveSession(facts, principal, this.#context.handler, send, () => true);
    this.#session = session;
    const result = await initialize(this.#context, facts, scope, bytesIn);
    send([JSON.stringify({ jsonrpc: '2.0', id: message.id, result })]);
    session.listen().catch((error: unknown) => {
      this.#context.logger.warn({ err: error }, 'the notifications of a session could not be subscribed');
    });
  }

  async #answer(
    message: RpcRequest,
    argumentsText: string | undefined,
    scope: CallScope,
    bytesIn: number,
  ): Promise<Pieces> {
    const session = this.#session;
    const { send } = this.#options;
    // A client may ping before initialize; any other request tells a probing client which family this is not.
    if (!session && message.method === 'ping') return [JSON.stringify({ jsonrpc: '2.0', id: message.id, result: {} })];
    if (!session) throw fail('SW_SESSION_MISSING');
    const result = await answerLegacy(this.#context, {
      message,
      argumentsText,
      facts: session.facts,
      session: session.ref,
      client: session.client,
      live: () => session,
      scope,
      channel: {
        notify: (notification) => {
          if (session.passes(notification)) send([encodeNotification(notification)]);
        },
        ask: (method, params) => session.ask(scope, method, params, send),
      },
      bytesIn,
    });
    return encodeResult(message.id, message.method, result, clientOf(session.facts), this.#context.serverInfo);
  }
}
