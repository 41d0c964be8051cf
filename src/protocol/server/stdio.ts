import type { Readable, Writable } from 'node:stream';
import { CallScope, type Principal } from '#kernel/context/index.js';
import { fail } from '#kernel/errors/index.js';
import { argumentsTextOf, parseStrict, type RpcMessage, type RpcRequest } from '../jsonrpc/index.js';
import { meta, type ClientFacts, type ModelNotification } from '../model/index.js';
import { legacy, modern } from '../revisions/index.js';
import { LineReader } from '../client/index.js';
import { classify } from './classify.js';
import { encodeError, encodeNotification, encodeResult, type Pieces } from './encode.js';
import { toFailure } from './failure.js';
import type { Listening, Route } from './handler.js';
import { answerLegacy, initialize } from './legacy-methods.js';
import { readFilter } from './listen-filter.js';
import { clientOf, LiveSession } from './live-session.js';
import { wantsNotification } from './modern.js';
import type { ServingContext } from './peer.js';
import type { SessionFacts } from './session-token.js';

export interface McpStdioOptions {
  readonly input: Readable;
  readonly output: Writable;
  readonly principal: Principal;
  readonly route: Route;
  /** Longest line, bytes. */
  readonly maxLineBytes: number;
}

/**
 * Serves one client over stdin and stdout, one JSON-RPC message a line. The family is decided by the first request:
 *
 *   opening --initialize--> legacy      opening --request with an envelope--> modern
 *
 * Resolves when the input has ended and everything that was asked has been answered.
 */
export function mcpStdio(context: ServingContext, options: McpStdioOptions): Promise<void> {
  return new StdioConnection(context, options).run();
}

class StdioConnection {
  readonly #context: ServingContext;
  readonly #options: McpStdioOptions;
  readonly #listens = new Map<string | number, Listening>();
  readonly #running = new Set<Promise<void>>();
  #session: LiveSession | undefined;

  constructor(context: ServingContext, options: McpStdioOptions) {
    this.#context = context;
    this.#options = options;
  }

  async run(): Promise<void> {
    const { input, maxLineBytes } = this.#options;
    let arrived: Buffer[] = [];
    const lines = new LineReader(
      maxLineBytes,
      (line) => arrived.push(line),
      () => this.#fail(null, '', fail('SW_BODY_TOO_LARGE', { maxBytes: maxLineBytes })),
    );
    for await (const chunk of input) {
      lines.feed(chunk as Buffer);
      const batch = arrived;
      arrived = [];
      for (const line of batch) await this.#take(line);
    }
    await Promise.allSettled(this.#running);
    for (const listening of this.#listens.values()) listening.close();
    this.#session?.close();
  }

  async #take(line: Buffer): Promise<void> {
    let value: unknown;
    try {
      const parsed = parseStrict(line, this.#context.maxJsonDepth);
      value = parsed.value;
      const inbound = classify(value, undefined);
      if (inbound.batch) throw fail('SW_BATCH_UNSUPPORTED');
      const text = parsed.wideNumber ? argumentsTextOf(line) : undefined;
      const working = this.#dispatch(inbound.family, inbound.entry, text, line.length);
      this.#running.add(working);
      void working.finally(() => this.#running.delete(working));
    } catch (error) {
      this.#fail(idOf(value), '', error);
    }
    // Answers that nobody reads must not pile up: no new line is taken until these are on their way.
    if (this.#options.output.writableNeedDrain)
      await new Promise<void>((resolve) => this.#options.output.once('drain', resolve));
  }

  async #dispatch(
    family: 'legacy' | 'modern',
    entry: RpcMessage,
    argumentsText: string | undefined,
    bytesIn: number,
  ): Promise<void> {
    if (entry.kind === 'response') this.#session?.answer(entry.message);
    else if (entry.kind === 'notification') {
      if (entry.message.method === 'notifications/cancelled') this.#cancel(entry.message.params?.['requestId']);
    } else if (family === 'modern') await this.#serveModern(entry.message, argumentsText, bytesIn);
    else await this.#serveLegacy(entry.message, argumentsText, bytesIn);
  }

  #cancel(id: unknown): void {
    const listening = typeof id === 'string' || typeof id === 'number' ? this.#listens.get(id) : undefined;
    if (listening) {
      listening.close();
      this.#listens.delete(id as string | number);
    } else this.#context.calls.cancel(this.#sessionKey, id);
  }

  async #serveModern(message: RpcRequest, argumentsText: string | undefined, bytesIn: number): Promise<void> {
    const scope = this.#newScope();
    const done = this.#context.calls.add(this.#sessionKey, message.id, scope);
    try {
      const { request, client } = modern.decodeRequest(message, argumentsText);
      modern.requireSupported(client.revision);
      if (message.method === 'subscriptions/listen') {
        await this.#listen(message, client);
        return;
      }
      const result = await this.#context.handler.handle({
        request,
        client,
        route: this.#options.route,
        scope,
        channel: {
          notify: (notification) => {
            if (wantsNotification(client, notification)) this.#send([encodeNotification(notification)]);
          },
        },
        session: undefined,
        header: undefined,
        bytesIn,
      });
      this.#send(encodeResult(message.id, message.method, result, client, this.#context.serverInfo));
    } catch (error) {
      if (scope.cancelled !== 'client') this.#fail(message.id, message.method, error, 'modern', scope.id);
    } finally {
      done();
    }
  }

  async #listen(message: RpcRequest, client: ClientFacts): Promise<void> {
    const tag = { [meta.subscriptionId]: message.id };
    let acknowledged = false;
    const early: ModelNotification[] = [];
    const send = ({ method, params }: ModelNotification) => {
      const given = params['_meta'];
      const own = typeof given === 'object' && given !== null ? given : {};
      this.#send([encodeNotification({ method, params: { ...params, _meta: { ...own, ...tag } } })]);
    };
    const listening = this.#context.handler.listen({
      client,
      route: this.#options.route,
      principal: this.#options.principal,
      session: undefined,
      filter: readFilter(message.params?.['notifications']),
      notify: (notification) => {
        if (acknowledged) send(notification);
        else early.push(notification);
      },
    });
    this.#listens.set(message.id, listening);
    const notifications = await listening.acknowledged;
    send({ method: 'notifications/subscriptions/acknowledged', params: { notifications } });
    acknowledged = true;
    for (const notification of early) send(notification);
  }

  async #serveLegacy(message: RpcRequest, argumentsText: string | undefined, bytesIn: number): Promise<void> {
    const scope = this.#newScope();
    const done = this.#context.calls.add(this.#sessionKey, message.id, scope);
    try {
      if (message.method === 'initialize' && !this.#session) {
        const { facts, session } = this.#begin(message);
        const result = await initialize(this.#context, facts, scope, bytesIn);
        this.#send([JSON.stringify({ jsonrpc: '2.0', id: message.id, result })]);
        session.listen().catch((error: unknown) => {
          this.#context.logger.warn({ err: error }, 'the notifications of a session could not be subscribed');
        });
        return;
      }
      // A request before initialize gets the answer that tells a probing client which family this is not.
      if (!this.#session && message.method !== 'ping') throw fail('SW_SESSION_MISSING');
      const session =
        this.#session ?? new LiveSession(stateless, this.#options.principal, this.#context.handler, () => {});
      const result = await answerLegacy(this.#context, {
        message,
        argumentsText,
        facts: session.facts,
        client: session.client,
        live: () => session,
        scope,
        channel: {
          notify: (notification) => this.#send([encodeNotification(notification)]),
          ask: (method, params) => session.ask(scope, method, params, (pieces) => this.#send(pieces)),
        },
        bytesIn,
      });
      this.#send(encodeResult(message.id, message.method, result, clientOf(session.facts), this.#context.serverInfo));
    } catch (error) {
      if (scope.cancelled !== 'client') this.#fail(message.id, message.method, error, 'legacy', scope.id);
    } finally {
      done();
    }
  }

  #begin(message: RpcRequest): { facts: SessionFacts; session: LiveSession } {
    const said = legacy.decodeInitialize(message);
    const facts: SessionFacts = {
      ...stateless,
      ...said,
      principalId: this.#options.principal.id,
      provider: this.#options.route.provider,
    };
    const session = new LiveSession(facts, this.#options.principal, this.#context.handler, (pieces) =>
      this.#send(pieces),
    );
    this.#session = session;
    return { facts, session };
  }

  get #sessionKey(): string {
    return stateless.key;
  }

  #newScope(): CallScope {
    return new CallScope(this.#context.nextRequestId(), this.#options.principal, performance.now());
  }

  #fail(
    id: string | number | null,
    method: string,
    error: unknown,
    family: 'legacy' | 'modern' = 'modern',
    requestId?: string,
  ) {
    this.#send([encodeError(id, toFailure(error, family, method, requestId).error)]);
  }

  /** One message, one line: a line break outside a string of a pretty-printed result becomes a space. */
  #send(pieces: Pieces): void {
    const text = pieces.map((piece) => (typeof piece === 'string' ? piece : piece.toString('utf8'))).join('');
    this.#options.output.write(`${text.replace(/[\r\n]/g, ' ')}\n`);
  }
}

/** The one session of a process that was started for one client. */
const stateless: SessionFacts = {
  key: 'stdio',
  principalId: '',
  provider: undefined,
  revision: '2025-11-25',
  info: undefined,
  capabilities: {},
  startedAt: 0,
};

function idOf(value: unknown): string | number | null {
  const id = typeof value === 'object' && value !== null ? (value as { id?: unknown }).id : undefined;
  return typeof id === 'string' || typeof id === 'number' ? id : null;
}
