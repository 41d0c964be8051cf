import { CallScope } from '#kernel/context/index.js';
import { fail, toSeaworthyError } from '#kernel/errors/index.js';
import { isObject, RawResult } from '#protocol/jsonrpc/index.js';
import {
  canBeAsked,
  capabilitiesFor,
  capabilityOf,
  type InputQuestion,
  type JsonObject,
  type ModelNotification,
  type ModelResult,
} from '#protocol/model/index.js';
import type { Invocable, ProviderCall } from '../catalog/index.js';

/** Questions that come together are asked together: how long the first one waits for others, milliseconds. */
const gatherMs = 15;

interface Question extends InputQuestion {
  resolve(result: JsonObject): void;
  reject(error: Error): void;
}

/** The client's request that waits for this call right now. */
interface Attachment {
  readonly call: ProviderCall;
  resolve(result: ModelResult): void;
  reject(error: Error): void;
  detach(): void;
}

type Outcome = { readonly result: ModelResult } | { readonly error: Error };

/** What a parked call tells the place that keeps it. */
export interface ParkedCallEvents {
  /** The call has to wait for its client: keep it and seal a state for this round. @throws when there is no room */
  park(call: ParkedCall): string;
  /** While nobody waits for it, the upstream sent `bytes` more: whether there is room for them. */
  hold(call: ParkedCall, bytes: number): boolean;
  /** The call is over. */
  done(call: ParkedCall): void;
}

/**
 * A call to a legacy upstream made for a modern client, which cannot be asked anything while it waits. When the
 * upstream asks, the client's request is answered with `input_required` and the upstream call stays open until a
 * retry brings the answers.
 *
 *   running --question--> gathering --15 ms--> parked --retry--> running --result, error--> done
 *                                                  \--expiry, cancel--> done
 */
export class ParkedCall {
  readonly id: string;
  readonly principalId: string;
  readonly provider: Invocable;
  /** Digest of what was called: a retry must be of the same call. */
  readonly digest: string;
  /** Times that the client was asked; part of the sealed state, so that each state is good for one retry. */
  round = 0;
  /** Epoch milliseconds by which it must have ended; set when it waits for the first time. */
  expiresAt: number | undefined;
  readonly #scope: CallScope;
  readonly #events: ParkedCallEvents;
  readonly #questions = new Map<string, Question>();
  #nextKey = 1;
  #attachment: Attachment | undefined;
  #outcome: Outcome | undefined;
  #gathering: NodeJS.Timeout | undefined;

  constructor(id: string, digest: string, provider: Invocable, first: ProviderCall, events: ParkedCallEvents) {
    this.id = id;
    this.digest = digest;
    this.provider = provider;
    this.principalId = first.scope.principal.id;
    this.#events = events;
    // The upstream call outlives the client's request, so it has a scope of its own.
    const { scope } = first;
    this.#scope = new CallScope(scope.id, scope.principal, scope.startedAt, scope.traceparent);
  }

  /** Bytes of the questions that are kept. */
  get bytes(): number {
    let bytes = 0;
    for (const question of this.#questions.values()) bytes += bytesOf(question);
    return bytes;
  }

  /** Sends the call to its provider and waits for the first result or question. */
  start(call: ProviderCall): Promise<ModelResult> {
    const waiting = this.attach(call);
    this.provider
      .invoke({
        ...call,
        scope: this.#scope,
        channel: {
          notify: (notification) => this.#notify(notification),
          ask: (method, params) => this.#ask(method, params),
        },
      })
      .then(
        (result) => this.#finish({ result }),
        (error: unknown) => this.#finish({ error: error instanceof Error ? error : toSeaworthyError(error) }),
      );
    return waiting;
  }

  /** Waits for the next result or question on behalf of a client's request. */
  attach(call: ProviderCall): Promise<ModelResult> {
    return new Promise((resolve, reject) => {
      const detach = call.scope.onCancel((reason) => {
        if (this.#attachment?.call === call) this.cancel(reason === 'deadline' ? 'deadline' : 'client');
      });
      this.#attachment = { call, resolve, reject, detach };
      if (this.#outcome) this.#deliver(this.#outcome);
      else if (this.#questions.size > 0) this.#gather();
    });
  }

  /**
   * Gives the upstream the answers of a retry. Keys that are missing stay open and are asked again; keys that nobody
   * asked for are ignored. @throws SW_PARAMS_INVALID for an answer that is no object
   */
  answer(responses: unknown): void {
    if (responses !== undefined && !isObject(responses))
      throw fail('SW_PARAMS_INVALID', { reason: 'inputResponses must be an object' });
    const given = [...this.#questions.keys()].filter((key) => responses !== undefined && key in responses);
    for (const key of given)
      if (!isObject(responses?.[key]))
        throw fail('SW_PARAMS_INVALID', { reason: `inputResponses.${key} must be an object` });
    for (const key of given) {
      const question = this.#questions.get(key);
      this.#questions.delete(key);
      question?.resolve(responses?.[key] as JsonObject);
    }
  }

  /** Ends the upstream call; a retry that comes later finds nothing. */
  cancel(reason: 'client' | 'deadline' | 'drain'): void {
    this.#scope.cancel(reason);
    for (const question of this.#questions.values()) question.reject(fail('SW_CANCELLED'));
    this.#questions.clear();
    this.#finish({ error: fail('SW_CANCELLED') });
    this.#events.done(this);
  }

  #ask(method: string, params: JsonObject): Promise<JsonObject> {
    return new Promise((resolve, reject) => {
      const kind = capabilityOf(method);
      if (kind === undefined) {
        reject(fail('SW_METHOD_UNKNOWN', { method }));
        return;
      }
      const question = { method, params, resolve, reject };
      if (!this.#attachment && !this.#events.hold(this, bytesOf(question))) {
        reject(fail('SW_OVERLOADED', { reason: 'questions to clients fill their budget' }));
        return;
      }
      this.#questions.set(`${kind}_${this.#nextKey++}`, question);
      if (this.#attachment) this.#gather();
    });
  }

  #gather(): void {
    this.#gathering ??= setTimeout(() => {
      this.#gathering = undefined;
      if (this.#attachment && !this.#outcome) this.#present(this.#attachment);
    }, gatherMs);
  }

  /** Answers the waiting request with the questions that its client declared it can be asked. */
  #present(attachment: Attachment): void {
    const { client } = attachment.call;
    const askable = [...this.#questions].filter(([, question]) => canBeAsked(client.capabilities, question));
    if (askable.length === 0 && this.#questions.size > 0) {
      const requiredCapabilities = capabilitiesFor([...this.#questions.values()]);
      this.#fail(attachment, fail('SW_CAPABILITY_MISSING', { requiredCapabilities }));
      return;
    }
    for (const [key, question] of this.#questions)
      if (!canBeAsked(client.capabilities, question)) {
        this.#questions.delete(key);
        decline(question);
      }
    this.round++;
    let requestState: string;
    try {
      requestState = this.#events.park(this);
    } catch (error) {
      this.#fail(attachment, error as Error);
      return;
    }
    this.#release(attachment);
    const inputRequests = Object.fromEntries(
      askable.map(([key, { method, params }]) => [key, toModel(method, params)]),
    );
    attachment.resolve({ resultType: 'input_required', inputRequests, requestState });
  }

  #fail(attachment: Attachment, error: Error): void {
    this.#release(attachment);
    attachment.reject(error);
    this.cancel('client');
  }

  #finish(outcome: Outcome): void {
    if (this.#outcome) return;
    this.#outcome = outcome;
    clearTimeout(this.#gathering);
    if (this.#attachment) this.#deliver(outcome);
    else if ('result' in outcome && !this.#events.hold(this, sizeOf(outcome.result)))
      this.#outcome = { error: fail('SW_OVERLOADED', { reason: 'results that nobody fetched fill their budget' }) };
  }

  #deliver(outcome: Outcome): void {
    const attachment = this.#attachment;
    if (!attachment) return;
    this.#release(attachment);
    this.#events.done(this);
    if ('result' in outcome) attachment.resolve(outcome.result);
    else attachment.reject(outcome.error);
  }

  #release(attachment: Attachment): void {
    attachment.detach();
    this.#attachment = undefined;
  }

  /** Progress goes to whichever request waits now, under that request's own token. */
  #notify(notification: ModelNotification): void {
    const call = this.#attachment?.call;
    // The modern family has no ids of pages, so nothing that says that one is done.
    if (!call || notification.method === 'notifications/elicitation/complete') return;
    if (notification.method !== 'notifications/progress') {
      call.channel.notify(notification);
      return;
    }
    const given = call.request.params['_meta'];
    const progressToken = isObject(given) ? given['progressToken'] : undefined;
    if (progressToken !== undefined)
      call.channel.notify({ ...notification, params: { ...notification.params, progressToken } });
  }
}

const bytesOf = ({ params }: InputQuestion): number => Buffer.byteLength(JSON.stringify(params));
const sizeOf = (result: ModelResult): number =>
  result instanceof RawResult ? result.byteLength : Buffer.byteLength(JSON.stringify(result));

/** The upstream hears what a person who refuses would say; a model's words cannot be made up. */
function decline(question: Question): void {
  const { method } = question;
  if (method === 'elicitation/create') question.resolve({ action: 'decline' });
  else if (method === 'roots/list') question.resolve({ roots: [] });
  else question.reject(fail('SW_INPUT_UNAVAILABLE', { method }));
}

/** A legacy question as the modern family has it: without the id of a page, and roots take no params. */
export function toModel(method: string, params: JsonObject): JsonObject {
  if (method === 'roots/list') return { method };
  const { elicitationId: _legacyOnly, _meta: given, ...rest } = params;
  if (!isObject(given)) return { method, params: rest };
  // Its token is of the upstream's hop, and an answer that comes with a retry has no progress to report.
  const { progressToken: _token, ...kept } = given;
  return { method, params: Object.keys(kept).length > 0 ? { ...rest, _meta: kept } : rest };
}
