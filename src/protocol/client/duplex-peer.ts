import { fail, reasonOf, type SeaworthyError } from '#kernel/errors/index.js';
import type { Clock } from '#kernel/time/index.js';
import { isObject, PeerError, type RawResult } from '../jsonrpc/index.js';
import { meta, type Channel, type JsonObject, type ModelNotification } from '../model/index.js';
import { HeldQuestions } from './held-questions.js';
import { readInbound, type Inbound } from './inbound.js';
import { answeredId, edgesOf, looksLikeAnswer, type LineEdges } from '../transport/index.js';
import { ambiguousText, answerText, notificationText, requestText, type ServerRequest } from './outbound-text.js';
import {
  cancelledError,
  isGlobalNotification,
  relay,
  type Faults,
  type OutboundCall,
  type Peer,
  type Unattributed,
} from './peer.js';

/** How a duplex peer writes; `onError` is called when this one message could not be delivered. */
export interface Wire {
  send(text: string, onError?: (error: SeaworthyError) => void): void;
}

/**
 * What became of a question of the server: it went to the call it belongs to (`parks` when that call has no session, so
 * that its client answers later), it has to wait until that is clear, it then went to its call, or it never got clear.
 */
export type QuestionOutcome = 'attributed' | 'parks' | 'held' | 'resolved' | 'refused';

export interface DuplexPeerOptions {
  readonly wire: Wire;
  readonly faults: Faults;
  readonly clock: Clock;
  readonly unattributed: Unattributed;
  readonly maxResultBytes: number;
  /** Called for bytes that are no JSON-RPC message; the connection goes on. */
  readonly onGarbage: (reason: unknown) => void;
  readonly onQuestion?: ((outcome: QuestionOutcome) => void) | undefined;
  /** Who is asked what belongs to no call, where the connection is one client's. */
  readonly ask?: Channel['ask'];
}

interface Pending {
  readonly call: OutboundCall;
  readonly resolve: (result: RawResult) => void;
  readonly reject: (error: Error) => void;
  stopListening: () => void;
}

/**
 * A peer at the other end of one two-way connection (stdio, or HTTP+SSE) that many callers share. Whatever names no
 * call (log messages, requests of the server) is given to the one call in flight, or to calls that all belong to one
 * session. A question that several calls may have caused is held, and no further call is sent, until the others have
 * ended; one that does not get clear in time is refused.
 */
export class DuplexPeer implements Peer {
  readonly #options: DuplexPeerOptions;
  readonly #pending = new Map<number, Pending>();
  /** Calls that wait until no question is held: each would be one more that it could belong to. */
  readonly #unsent = new Map<number, Pending>();
  readonly #held: HeldQuestions;
  #nextId = 1;
  #gone: SeaworthyError | undefined;

  constructor(options: DuplexPeerOptions) {
    this.#options = options;
    this.#held = new HeldQuestions(options.clock, (question) => {
      this.#refuse([question]);
      this.#sendWaiting();
    });
  }

  get inFlight(): number {
    return this.#pending.size + this.#unsent.size;
  }

  /** Calls of clients that are open: those that a question of the server could be about. */
  get openCalls(): number {
    return this.#calls().length + this.#unsent.size;
  }

  request(call: OutboundCall): Promise<RawResult> {
    if (this.#gone) return Promise.reject(this.#options.faults.unavailable('the connection has ended', this.#gone));
    if (call.scope.cancelled) return Promise.reject(cancelledError(call.scope));
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      const stopListening = call.scope.onCancel(() => this.#cancel(id));
      const pending = { call, resolve, reject, stopListening };
      if (this.#held.size > 0 && call.channel) this.#unsent.set(id, pending);
      else this.#send(id, pending);
    });
  }

  notify(method: string, params: JsonObject): void {
    if (!this.#gone) this.#options.wire.send(notificationText(method, params));
  }

  /** Takes one message off the wire. */
  receive(bytes: Buffer): void {
    let messages: Inbound[];
    try {
      messages = readInbound(bytes);
    } catch (reason) {
      this.#unreadable(edgesOf(bytes), this.#options.faults.protocol(`its answer cannot be read: ${reasonOf(reason)}`));
      return;
    }
    for (const message of messages) this.#dispatch(message);
  }

  /** Takes note of a message that was too long to keep. */
  receiveLongLine(line: LineEdges): void {
    this.#unreadable(line, this.#tooLarge());
  }

  /** The call that such a message answers ends, the others go on; nobody has to wait for a deadline. */
  #unreadable(line: LineEdges, error: SeaworthyError): void {
    const sole = this.#pending.size === 1 && looksLikeAnswer(line) ? this.#pending.keys().next().value : undefined;
    const pending = this.#take(answeredId(line) ?? sole);
    if (pending) pending.reject(error);
    else this.#options.onGarbage(error);
  }

  /** The connection is gone: everything in flight is rejected with `error`, everything later as unavailable. */
  close(error: SeaworthyError): void {
    this.#gone ??= error;
    const pending = [...this.#pending.values(), ...this.#unsent.values()];
    this.#pending.clear();
    this.#unsent.clear();
    this.#held.take();
    for (const { reject, stopListening } of pending) {
      stopListening();
      reject(error);
    }
  }

  #send(id: number, pending: Pending): void {
    this.#pending.set(id, pending);
    this.#options.wire.send(requestText(id, pending.call.request), (error) => this.#take(id)?.reject(error));
  }

  #take(id: unknown): Pending | undefined {
    const pending = this.#pending.get(id as number);
    if (!pending) return undefined;
    this.#pending.delete(id as number);
    pending.stopListening();
    if (this.#held.size > 0) this.#settleHeld();
    return pending;
  }

  #cancel(id: number): void {
    const unsent = this.#unsent.get(id);
    if (unsent) {
      this.#unsent.delete(id);
      unsent.reject(cancelledError(unsent.call.scope));
      return;
    }
    // What is held may be a question of the call that ends here: no other must get it.
    if (this.#pending.get(id)?.call.channel) this.#refuse(this.#held.take());
    const pending = this.#take(id);
    if (!pending) return;
    this.#sendWaiting();
    const { call, reject } = pending;
    // The specification forbids to cancel initialize.
    if (call.request.method !== 'initialize')
      this.notify('notifications/cancelled', { requestId: id, reason: call.scope.cancelled });
    reject(cancelledError(call.scope));
  }

  #dispatch(message: Inbound): void {
    if (message.kind === 'result') {
      const pending = this.#take(message.id);
      if (message.result.byteLength > this.#options.maxResultBytes) pending?.reject(this.#tooLarge());
      else pending?.resolve(message.result);
    } else if (message.kind === 'error') this.#take(message.id)?.reject(new PeerError(message.error));
    else if (message.kind === 'notification') this.#notified(message);
    else this.#asked(message);
  }

  #notified(notification: ModelNotification): void {
    const { method, params } = notification;
    if (method === 'notifications/progress') {
      const pending = this.#pending.get(params['progressToken'] as number);
      if (pending) relay(pending.call, { method, params });
      return;
    }
    const subscription = (params['_meta'] as JsonObject | undefined)?.[meta.subscriptionId];
    if (subscription !== undefined) {
      this.#pending.get(subscription as number)?.call.channel?.notify({ method, params });
      return;
    }
    if (method === 'notifications/cancelled') return this.#ended(params['requestId']);
    const call = isGlobalNotification(method) ? undefined : this.#callWithLogs();
    if (call) relay(call, { method, params });
    // A message of one of several calls: nobody can tell whose, and it is not for the others.
    else if (method !== 'notifications/message' || this.#calls().length === 0)
      this.#options.unattributed({ method, params });
  }

  /** A modern server ends a listen stream so; a legacy one takes back a request of its own. */
  #ended(id: unknown): void {
    if (this.#held.drop(id)) return this.#sendWaiting();
    if (this.#pending.get(id as number)?.call.request.method !== 'subscriptions/listen') return;
    this.#take(id)?.reject(this.#options.faults.lost('the server ended the subscription'));
  }

  #asked(request: ServerRequest): void {
    if (request.method === 'ping') return this.#answer(request, undefined);
    const named = this.#callOfTask(request.params);
    if (named) return this.#answer(request, named);
    const calls = this.#calls();
    if (!isAmbiguous(calls)) {
      const call = askable(calls);
      if (call) this.#options.onQuestion?.(call.session ? 'attributed' : 'parks');
      return this.#answer(request, call);
    }
    this.#held.add(request);
    this.#options.onQuestion?.('held');
  }

  #answer(request: ServerRequest, call: OutboundCall | undefined): void {
    void answerText(request, call?.channel?.ask ?? this.#options.ask).then((text) => {
      if (!this.#gone) this.#options.wire.send(text);
    });
  }

  /** A server asks for a task on the call that fetches its result, and names the task (2025-11-25, tasks). */
  #callOfTask(params: JsonObject): OutboundCall | undefined {
    const related = (params['_meta'] as JsonObject | undefined)?.[meta.relatedTask];
    if (!isObject(related)) return undefined;
    return this.#calls().find(
      ({ request }) => request.method === 'tasks/result' && request.params['taskId'] === related['taskId'],
    );
  }

  /** A call has ended: perhaps it is clear now whose the held questions are. */
  #settleHeld(): void {
    const calls = this.#calls();
    if (isAmbiguous(calls)) return;
    const call = askable(calls);
    for (const question of this.#held.take()) {
      this.#options.onQuestion?.('resolved');
      this.#answer(question, call);
    }
    this.#sendWaiting();
  }

  #refuse(questions: readonly ServerRequest[]): void {
    for (const { id } of questions) {
      this.#options.onQuestion?.('refused');
      if (!this.#gone) this.#options.wire.send(ambiguousText(id));
    }
  }

  #sendWaiting(): void {
    if (this.#held.size > 0) return;
    const unsent = [...this.#unsent];
    this.#unsent.clear();
    for (const [id, pending] of unsent) this.#send(id, pending);
  }

  /** The call that a log message belongs to; in the modern family only calls that named a level can be meant. */
  #callWithLogs(): OutboundCall | undefined {
    const calls = this.#calls();
    if (calls.length <= 1 || isOfOneSession(calls)) return calls[0];
    const wanting = calls.filter((call) => (call.request.params['_meta'] as JsonObject | undefined)?.[meta.logLevel]);
    return wanting.length === 1 ? wanting[0] : undefined;
  }

  #calls(): OutboundCall[] {
    const calls: OutboundCall[] = [];
    for (const { call } of this.#pending.values())
      if (call.channel && call.request.method !== 'subscriptions/listen') calls.push(call);
    return calls;
  }

  #tooLarge = () => fail('SW_RESULT_TOO_LARGE', { maxBytes: this.#options.maxResultBytes });
}

const isOfOneSession = ([first, ...others]: readonly OutboundCall[]): boolean =>
  first?.session !== undefined && others.every(({ session }) => session?.key === first.session?.key);

/** True when a question may belong to calls of different clients. */
const isAmbiguous = (calls: readonly OutboundCall[]): boolean => calls.length > 1 && !isOfOneSession(calls);

/** Of calls that all belong to one client, one that can ask it. */
const askable = (calls: readonly OutboundCall[]): OutboundCall | undefined =>
  calls.find((call) => call.channel?.ask) ?? calls[0];
