import type { Readable, Writable } from 'node:stream';
import { CallScope, type Origin, type Principal } from '#kernel/context/index.js';
import { fail } from '#kernel/errors/index.js';
import { argumentsTextOf, parseStrict, type RpcMessage, type RpcRequest } from '../jsonrpc/index.js';
import { passesLogLevel, type ClientFacts } from '../model/index.js';
import { modern } from '../revisions/index.js';
import { LineReader } from '../transport/index.js';
import { classify } from './classify.js';
import { encodeError, encodeNotification, encodeResult, type Pieces } from './encode.js';
import { toFailure } from './failure.js';
import type { Route } from './handler.js';
import { LegacyConnection } from './legacy-connection.js';
import { readFilter } from './listen-filter.js';
import { relayListen } from './listen-relay.js';
import type { ServingContext } from './peer.js';

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

/** Subscriptions that one client may hold. */
const maxListens = 100;

class StdioConnection {
  readonly #context: ServingContext;
  readonly #options: McpStdioOptions;
  readonly #listens = new Map<string | number, { close(): void }>();
  readonly #running = new Set<Promise<void>>();
  readonly #legacy: LegacyConnection;

  constructor(context: ServingContext, options: McpStdioOptions) {
    this.#context = context;
    this.#options = options;
    this.#legacy = new LegacyConnection(context, {
      principal: options.principal,
      route: options.route,
      origin: stdioOrigin,
      key: sessionKey,
      send: (pieces) => this.#send(pieces),
    });
  }

  async run(): Promise<void> {
    const { input, maxLineBytes, output } = this.#options;
    output.on('error', (error) => {
      this.#context.logger.debug({ err: error }, 'the client reads no more');
      // What still runs is for nobody.
      this.#context.calls.cancelAll(sessionKey);
      input.destroy();
    });
    let arrived: Buffer[] = [];
    const lines = new LineReader(
      maxLineBytes,
      (line) => arrived.push(line),
      () => this.#fail(null, '', fail('SW_BODY_TOO_LARGE', { maxBytes: maxLineBytes })),
    );
    try {
      for await (const chunk of input) {
        lines.feed(chunk as Buffer);
        const batch = arrived;
        arrived = [];
        for (const line of batch) await this.#take(line);
      }
    } catch (error) {
      // Destroyed by us (a signal, an output that broke): an end like the client's own.
      if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
    }
    await Promise.allSettled(this.#running);
    for (const listening of this.#listens.values()) listening.close();
    this.#legacy.close();
  }

  async #take(line: Buffer): Promise<void> {
    let value: unknown;
    try {
      const parsed = parseStrict(line, this.#context.maxJsonDepth);
      value = parsed.value;
      const inbound = classify(value, undefined);
      const text = parsed.wideNumber ? argumentsTextOf(line) : undefined;
      const working = inbound.batch
        ? this.#legacy.takeBatch(inbound.entries, line.length)
        : this.#dispatch(inbound.family, inbound.entry, text, line.length);
      this.#running.add(working);
      void working.finally(() => this.#running.delete(working));
    } catch (error) {
      this.#fail(idOf(value), '', error);
    }
    // Answers that nobody reads must not pile up: no new line is taken until these are on their way.
    if (this.#options.output.writableNeedDrain) await this.#drained();
  }

  async #dispatch(
    family: 'legacy' | 'modern',
    entry: RpcMessage,
    argumentsText: string | undefined,
    bytesIn: number,
  ): Promise<void> {
    if (family === 'modern' && entry.kind === 'request') await this.#serveModern(entry.message, argumentsText, bytesIn);
    else if (entry.kind === 'notification' && entry.message.method === 'notifications/cancelled')
      this.#cancel(entry.message.params?.['requestId']);
    else await this.#legacy.take(entry, argumentsText, bytesIn);
  }

  /** Resolves when the client has read enough, or reads no more. */
  #drained(): Promise<void> {
    const { output } = this.#options;
    const events = ['drain', 'error', 'close'];
    return new Promise((resolve) => {
      const done = () => {
        for (const event of events) output.off(event, done);
        resolve();
      };
      for (const event of events) output.on(event, done);
    });
  }

  #cancel(id: unknown): void {
    const listening = typeof id === 'string' || typeof id === 'number' ? this.#listens.get(id) : undefined;
    if (listening) {
      listening.close();
      this.#listens.delete(id as string | number);
    } else this.#context.calls.cancel(sessionKey, id);
  }

  async #serveModern(message: RpcRequest, argumentsText: string | undefined, bytesIn: number): Promise<void> {
    const scope = this.#newScope();
    const done = this.#context.calls.add(sessionKey, message.id, scope);
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
            if (passesLogLevel(notification, client.logLevel)) this.#send([encodeNotification(notification)]);
          },
        },
        session: undefined,
        header: undefined,
        bytesIn,
      });
      this.#send(encodeResult(message.id, message.method, result, client, this.#context.serverInfo));
    } catch (error) {
      if (scope.cancelled !== 'client') this.#fail(message.id, message.method, error, scope.id);
    } finally {
      done();
      scope.end();
    }
  }

  async #listen(message: RpcRequest, client: ClientFacts): Promise<void> {
    if (this.#listens.has(message.id)) throw fail('SW_REQUEST_INVALID', { reason: 'this id listens already' });
    if (this.#listens.size >= maxListens)
      throw fail('SW_OVERLOADED', { reason: `${maxListens} subscriptions are open` });
    const { route, principal } = this.#options;
    const filter = readFilter(message.params?.['notifications']);
    const listener = { client, route, principal, session: undefined, filter, origin: stdioOrigin };
    const listening = relayListen(this.#context.handler, message, listener, (pieces) => this.#send(pieces));
    this.#listens.set(message.id, listening);
    await listening.acknowledged.catch((error: unknown) => {
      listening.close();
      this.#listens.delete(message.id);
      throw error;
    });
  }

  #newScope(): CallScope {
    const { principal } = this.#options;
    return new CallScope(this.#context.nextRequestId(), principal, performance.now(), undefined, stdioOrigin);
  }

  #fail(id: string | number | null, method: string, error: unknown, requestId?: string): void {
    this.#send([encodeError(id, toFailure(error, 'modern', method, requestId).error)]);
  }

  /** One message, one line: a line break outside a string of a pretty-printed result becomes a space. */
  #send(pieces: Pieces): void {
    const text = pieces.map((piece) => (typeof piece === 'string' ? piece : piece.toString('utf8'))).join('');
    this.#options.output.write(`${text.replace(/[\r\n]/g, ' ')}\n`);
  }
}

/** The one session of a process that was started for one client. */
const sessionKey = 'stdio';
const stdioOrigin: Origin = { transport: 'stdio', address: undefined };

function idOf(value: unknown): string | number | null {
  const id = typeof value === 'object' && value !== null ? (value as { id?: unknown }).id : undefined;
  return typeof id === 'string' || typeof id === 'number' ? id : null;
}
