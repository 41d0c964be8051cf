import { CallScope, type Origin, type Principal } from '#kernel/context/index.js';
import { fail } from '#kernel/errors/index.js';
import {
  argumentsTextOf,
  type RpcMessage,
  type RpcNotification,
  type RpcRequest,
  type RpcResponse,
} from '../jsonrpc/index.js';
import { isRevision, familyOf, type Channel } from '../model/index.js';
import { legacy } from '../revisions/index.js';
import type { HttpAnswer } from '../transport/index.js';
import { encodeError, encodeNotification, encodeResult, type Pieces } from './encode.js';
import { toFailure } from './failure.js';
import type { Route } from './handler.js';
import type { HeaderOf } from './headers.js';
import { admitBatch, answerLegacy, initialize } from './legacy-methods.js';
import { type LegacySessions, type LegacySession } from './legacy-sessions.js';
import { clientOf } from './live-session.js';
import type { ServingContext } from './peer.js';
import { parseEventId, type ResumableStream } from './resumable-stream.js';
import type { SessionFacts } from './session-token.js';
import type { StreamKeeper } from './stream-keeper.js';

/** One HTTP request of a legacy client, before its body is looked at. */
export interface LegacyEntry {
  readonly header: HeaderOf;
  readonly route: Route;
  readonly principal: Principal;
  readonly startedAt: number;
  readonly origin: Origin;
}

export interface LegacyHttpOptions {
  /** A call without an answer after this long gets an SSE stream, so that a lost connection can be resumed. */
  readonly streamAfterMs: number;
  /** How soon a client should come back to a stream, milliseconds. */
  readonly retryMs: number;
}

/** Serves the initialize-and-session family over Streamable HTTP: POST, GET and DELETE. */
export class LegacyHttp {
  readonly #context: ServingContext;
  readonly #keeper: StreamKeeper;
  readonly #sessions: LegacySessions;
  readonly #options: LegacyHttpOptions;

  constructor(context: ServingContext, keeper: StreamKeeper, sessions: LegacySessions, options: LegacyHttpOptions) {
    this.#context = context;
    this.#keeper = keeper;
    this.#sessions = sessions;
    this.#options = options;
  }

  post(entry: LegacyEntry, message: RpcMessage, body: Buffer, wideNumber: boolean, answer: HttpAnswer): void {
    if (message.kind === 'request' && message.message.method === 'initialize') {
      void this.#initialize(entry, message.message, body.length, answer);
      return;
    }
    const facts = this.#openSession(entry);
    if (message.kind === 'response') this.#takeAnswer(facts, message.message, answer);
    else if (message.kind === 'notification') {
      this.#takeNotification(facts, message.message);
      answer.empty(202);
    } else {
      const argumentsText = wideNumber ? argumentsTextOf(body) : undefined;
      void this.#serve(entry, facts, message.message, argumentsText, body.length, answer);
    }
  }

  /** A batch is answered on one stream, each response when it is ready. @throws SW_BATCH_UNSUPPORTED */
  postBatch(entry: LegacyEntry, messages: readonly RpcMessage[], body: Buffer, answer: HttpAnswer): void {
    const facts = this.#openSession(entry);
    admitBatch(facts, messages.length);
    const requests: RpcRequest[] = [];
    for (const { kind, message } of messages)
      if (kind === 'request') requests.push(message);
      else if (kind === 'notification') this.#takeNotification(facts, message);
      else this.#sessions.peek(facts)?.live.answer(message);
    if (requests.length === 0) {
      answer.empty(202);
      return;
    }
    const session = this.#sessions.of(facts, entry.principal);
    const stream = session.newStream();
    this.#begin(stream, facts, answer);
    const size = Math.ceil(body.length / requests.length);
    void Promise.all(requests.map((message) => this.#serveOn(entry, facts, message, size, stream))).then(() => {
      stream.finish();
    });
  }

  /** Opens the session's own stream, or resumes the one that `Last-Event-ID` names. */
  get(entry: LegacyEntry, answer: HttpAnswer): void {
    const facts = this.#openSession(entry);
    this.#keeper.admitListener(entry.principal);
    const session = this.#sessions.of(facts, entry.principal);
    const lastEventId = entry.header('last-event-id');
    const resume = lastEventId === undefined ? undefined : parseEventId(lastEventId);
    const stream = (resume && session.stream(resume.stream)) ?? session.standalone;
    const sequence = resume && stream.id === resume.stream ? resume.sequence : Number.MAX_SAFE_INTEGER;
    const release = this.#keeper.openListener(answer, entry.principal, () => {
      // The session outlives us: the client finds it again after the restart.
      answer.retry(this.#options.retryMs);
      answer.end();
    });
    answer.onDisconnect(() => {
      stream.detach(answer);
      release();
    });
    if (resume === undefined && primes(facts)) answer.prime(stream.primingId, this.#options.retryMs);
    stream.attach(answer, sequence);
    if (answer.state === 'ended') release();
    if (stream === session.standalone)
      session.live.listen().catch((error: unknown) => {
        this.#context.logger.warn({ err: error }, 'the notifications of a session could not be subscribed');
      });
  }

  async delete(entry: LegacyEntry, answer: HttpAnswer): Promise<void> {
    const token = entry.header('mcp-session-id') as string;
    const facts = this.#openSession(entry);
    this.#context.calls.cancelAll(facts.key);
    await this.#sessions.end(token, facts);
    const { principal, route, origin } = entry;
    this.#context.handler.ended({ session: { key: facts.key }, client: clientOf(facts), route, principal, origin });
    answer.empty(200);
  }

  #newScope({ principal, startedAt, origin }: LegacyEntry): CallScope {
    const id = origin.requestId ?? this.#context.nextRequestId();
    return new CallScope(id, principal, startedAt, undefined, origin);
  }

  async #initialize(entry: LegacyEntry, message: RpcRequest, bytesIn: number, answer: HttpAnswer): Promise<void> {
    const scope = this.#newScope(entry);
    try {
      const said = legacy.decodeInitialize(message);
      const { facts, token } = this.#sessions.mint(entry.principal, entry.route, said);
      const result = await initialize(this.#context, facts, scope, bytesIn);
      const text = JSON.stringify({ jsonrpc: '2.0', id: message.id, result });
      answer.json(200, [text], { 'mcp-session-id': token });
    } catch (error) {
      const failure = toFailure(error, 'legacy', message.method, scope.id);
      answer.json(failure.status, [encodeError(message.id, failure.error)], failure.headers);
    }
  }

  /** @throws SW_SESSION_MISSING, SW_SESSION_UNKNOWN, SW_REVISION_UNSUPPORTED */
  #openSession(entry: LegacyEntry): SessionFacts {
    const token = entry.header('mcp-session-id');
    if (token === undefined) throw fail('SW_SESSION_MISSING');
    const version = entry.header('mcp-protocol-version');
    if (version !== undefined && (!isRevision(version) || familyOf(version) !== 'legacy'))
      throw fail('SW_REQUEST_INVALID', { reason: `MCP-Protocol-Version ${version} is not one of a session` });
    return this.#sessions.open(token, entry.principal, entry.route);
  }

  #takeAnswer(facts: SessionFacts, response: RpcResponse, answer: HttpAnswer): void {
    this.#sessions.peek(facts)?.live.answer(response);
    answer.empty(202);
  }

  #takeNotification(facts: SessionFacts, { method, params }: RpcNotification): void {
    // initialized, progress and roots/list_changed need no action: sessions are sealed tokens, questions are awaited.
    if (method === 'notifications/cancelled') this.#context.calls.cancel(facts.key, params?.['requestId']);
  }

  /** One request: JSON if the result comes soon and alone, else a stream that can be resumed. */
  async #serve(
    entry: LegacyEntry,
    facts: SessionFacts,
    message: RpcRequest,
    argumentsText: string | undefined,
    bytesIn: number,
    answer: HttpAnswer,
  ): Promise<void> {
    const scope = this.#newScope(entry);
    const done = this.#context.calls.add(facts.key, message.id, scope);
    const session = new Lazy(() => this.#sessions.of(facts, entry.principal));
    const stream = new Lazy(() => {
      const made = session.value.newStream();
      this.#begin(made, facts, answer);
      return made;
    });
    const streams = takesStream(entry.header);
    const patience = streams ? setTimeout(() => stream.make(), this.#options.streamAfterMs) : undefined;
    try {
      const result = await answerLegacy(this.#context, {
        message,
        argumentsText,
        facts,
        session: this.#sessions.refOf(facts),
        client: this.#sessions.peek(facts)?.live.client ?? clientOf(facts),
        live: () => session.value.live,
        scope,
        channel: streams ? this.#channel(facts, session, stream, scope) : silent,
        bytesIn,
      });
      const pieces = encodeResult(message.id, message.method, result, clientOf(facts), this.#context.serverInfo);
      this.#finish(stream, answer, 200, pieces, {});
    } catch (error) {
      const failure = toFailure(error, 'legacy', message.method, scope.id);
      this.#finish(stream, answer, failure.status, [encodeError(message.id, failure.error)], failure.headers);
    } finally {
      clearTimeout(patience);
      this.#sessions.peek(facts)?.live.release(scope);
      done();
      if (scope.awaited)
        answer.onceGone(() => {
          scope.end();
        });
    }
  }

  #finish(
    stream: Lazy<ResumableStream>,
    answer: HttpAnswer,
    status: number,
    pieces: Pieces,
    headers: Readonly<Record<string, string>>,
  ): void {
    if (!stream.made) {
      answer.json(status, pieces, headers);
      return;
    }
    stream.value.send(pieces);
    stream.value.finish();
  }

  /** One request of a batch, answered on the batch's stream. */
  async #serveOn(
    entry: LegacyEntry,
    facts: SessionFacts,
    message: RpcRequest,
    bytesIn: number,
    stream: ResumableStream,
  ): Promise<void> {
    const scope = this.#newScope(entry);
    const done = this.#context.calls.add(facts.key, message.id, scope);
    const session = new Lazy(() => this.#sessions.of(facts, entry.principal));
    try {
      const result = await answerLegacy(this.#context, {
        message,
        argumentsText: undefined,
        facts,
        session: this.#sessions.refOf(facts),
        client: session.value.live.client,
        live: () => session.value.live,
        scope,
        channel: this.#channel(facts, session, new Lazy(() => stream), scope),
        bytesIn,
      });
      stream.send(encodeResult(message.id, message.method, result, clientOf(facts), this.#context.serverInfo));
    } catch (error) {
      stream.send([encodeError(message.id, toFailure(error, 'legacy', message.method, scope.id).error)]);
    } finally {
      this.#sessions.peek(facts)?.live.release(scope);
      done();
      scope.end();
    }
  }

  /** Connects a new stream to the response; a client that goes away may come back for the rest. */
  #begin(stream: ResumableStream, facts: SessionFacts, answer: HttpAnswer): void {
    this.#keeper.open(answer);
    if (primes(facts)) answer.prime(stream.primingId, this.#options.retryMs);
    stream.attach(answer, 0);
    answer.onDisconnect(() => stream.detach(answer));
  }

  #channel(
    facts: SessionFacts,
    session: Lazy<LegacySession>,
    stream: Lazy<ResumableStream>,
    scope: CallScope,
  ): Channel {
    return {
      notify: (notification) => {
        if (this.#sessions.peek(facts)?.live.passes(notification) ?? true)
          stream.value.send([encodeNotification(notification)]);
      },
      ask: (method, params) => session.value.live.ask(scope, method, params, (pieces) => stream.value.send(pieces)),
      suspend: primes(facts) ? (retryMs) => stream.value.suspend(retryMs ?? this.#options.retryMs) : undefined,
    };
  }
}

/** A client that takes JSON alone gets the result alone: there is no way to ask it or to tell it anything before. */
const takesStream = (header: HeaderOf): boolean => {
  const accept = header('accept');
  return accept === undefined || /\*\/\*|text\/(event-stream|\*)/i.test(accept);
};
const silent: Channel = { notify: () => {} };

/** Clients of older revisions would parse the empty data of a priming event. */
const primes = (facts: SessionFacts): boolean => facts.revision === '2025-11-25';

/** A value made at first use; `made` tells whether it was. */
class Lazy<T> {
  readonly #make: () => T;
  #value: { readonly made: T } | undefined;
  constructor(make: () => T) {
    this.#make = make;
  }
  get made(): boolean {
    return this.#value !== undefined;
  }
  make(): void {
    this.#value ??= { made: this.#make() };
  }
  get value(): T {
    this.#value ??= { made: this.#make() };
    return this.#value.made;
  }
}
