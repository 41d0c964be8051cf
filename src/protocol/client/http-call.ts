import { fail, reasonOf, type SeaworthyError } from '#kernel/errors/index.js';
import type { Timer } from '#kernel/time/index.js';
import { isObject, PeerError, type RawResult, type RpcErrorObject } from '../jsonrpc/index.js';
import type { IncomingHttpHeaders } from 'undici/types/header.js';
import { mediaType, type HttpAnswer, type HttpEndpoint } from './http-endpoint.js';
import { readInbound, type Inbound } from './inbound.js';
import { answerText, requestText, type ServerRequest } from './outbound-text.js';
import { cancelledError, isGlobalNotification, relay, type OutboundCall, type Unattributed } from './peer.js';

export interface HttpCallOptions {
  readonly endpoint: HttpEndpoint;
  readonly id: number;
  readonly call: OutboundCall;
  readonly headers: readonly string[];
  readonly maxResultBytes: number;
  readonly unattributed: Unattributed;
  /** Legacy only: how to answer a request of the server, to cancel, and to take up a stream that ended early. */
  readonly session?: {
    post(text: string): void;
    cancel(id: number, reason: string): void;
    /** Header lines for the GET that takes the stream up again. */
    readonly headers: readonly string[];
  };
  readonly onHead?: (status: number, headers: IncomingHttpHeaders) => void;
}

/** `gone`: the peer does not know the session (any more) and has processed nothing. */
export type HttpOutcome =
  { readonly kind: 'result'; readonly result: RawResult } | { readonly kind: 'gone'; readonly error: Error };

/** Reconnection times as servers give them are kept within these, milliseconds. */
const minRetryMs = 20;
const defaultRetryMs = 1_000;
const maxRetryMs = 30_000;
/** A server may leave the stream open after the response; the connection is then given up. */
const lingerMs = 2_000;

/** Sends one request as a POST of its own and reads its answer: JSON, or an event stream with messages before it. */
export const sendByHttp = (options: HttpCallOptions): Promise<HttpOutcome> =>
  options.call.scope.cancelled ? Promise.reject(cancelledError(options.call.scope)) : new HttpCall(options).outcome;

class HttpCall {
  readonly outcome: Promise<HttpOutcome>;
  readonly #options: HttpCallOptions;
  #resolve!: (outcome: HttpOutcome) => void;
  #reject!: (error: Error) => void;
  #settled = false;
  #ended = false;
  /** A response came that answers nothing we asked here. */
  #strayed = false;
  #abort: () => void = () => {};
  /** Waits to take the stream up again, or for its end after the response. */
  #timer: Timer | undefined;
  readonly #stopListening: () => void;

  constructor(options: HttpCallOptions) {
    this.#options = options;
    this.outcome = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const { endpoint, id, call, headers } = options;
    this.#stopListening = call.scope.onCancel((reason) => {
      // A closed stream cancels a modern call; the legacy family wants to be told.
      if (call.request.method !== 'initialize') options.session?.cancel(id, reason);
      this.#settle(() => this.#reject(cancelledError(call.scope)));
      this.#abort();
    });
    const kind = call.request.method === 'subscriptions/listen' ? 'stream' : 'call';
    this.#abort = endpoint.post(requestText(id, call.request), headers, this.#events(options.onHead), kind);
  }

  #events(head?: HttpCallOptions['onHead']) {
    return {
      ...(head ? { head } : {}),
      event: (event: { data: Buffer }) => {
        if (event.data.length > 0) this.#read(event.data);
      },
      end: (answer: HttpAnswer) => this.#end(answer),
      failed: (error: SeaworthyError, answer: HttpAnswer | undefined) => {
        this.#close();
        if (this.#settled) return;
        if (error.code === 'SW_UPSTREAM_LOST' && answer && this.#canResume(answer)) this.#resumeLater(answer);
        else this.#settle(() => this.#reject(error));
      },
    };
  }

  #settle(how: () => void): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#timer?.cancel();
    this.#stopListening();
    how();
  }

  /** `answer`: where the text is the whole of one, for the error to say what came instead of JSON. */
  #read(bytes: Buffer, answer?: HttpAnswer): void {
    if (this.#settled) return;
    try {
      for (const message of readInbound(bytes)) this.#dispatch(message);
    } catch (thrown) {
      const type = answer && mediaType(answer.headers);
      const reason =
        answer && type !== 'application/json'
          ? `HTTP ${String(answer.status)} with ${type || 'no media type'} instead of JSON`
          : reasonOf(thrown);
      this.#settle(() => this.#reject(this.#options.endpoint.faults.protocol(reason, thrown)));
      this.#abort();
    }
  }

  #dispatch(message: Inbound): void {
    const { call, id, maxResultBytes, unattributed } = this.#options;
    if (message.kind === 'notification') {
      if (isGlobalNotification(message.method) && call.request.method !== 'subscriptions/listen') unattributed(message);
      else relay(call, { method: message.method, params: message.params });
    } else if (message.kind === 'request') this.#asked(message);
    else if (message.id === id || message.id === undefined) {
      if (message.kind === 'error') this.#settle(() => this.#reject(new PeerError(message.error)));
      else if (message.result.byteLength > maxResultBytes)
        this.#settle(() => this.#reject(fail('SW_RESULT_TOO_LARGE', { maxBytes: maxResultBytes })));
      else this.#settle(() => this.#resolve({ kind: 'result', result: message.result }));
      if (!this.#ended)
        this.#timer = this.#options.endpoint.clock.after(lingerMs, () => this.#abort(), { unref: true });
    } else this.#strayed = true;
  }

  #asked(request: ServerRequest): void {
    const { session, call } = this.#options;
    // A modern server never asks; there is no way to answer it.
    if (session) void answerText(request, call.channel?.ask).then((text) => session.post(text));
  }

  /** The answer is over: there is nothing left to break off. */
  #close(): void {
    this.#ended = true;
    this.#timer?.cancel();
  }

  #end(answer: HttpAnswer): void {
    this.#close();
    if (this.#settled) return;
    if (answer.status >= 300) return this.#refused(answer);
    if (!answer.isStream && answer.body.length > 0) this.#read(answer.body, answer);
    if (this.#settled) return;
    if (this.#canResume(answer)) return this.#resumeLater(answer);
    const { faults } = this.#options.endpoint;
    const error = this.#strayed
      ? faults.protocol('it answered under another id')
      : answer.isStream
        ? faults.lost('the stream ended early')
        : faults.protocol('the answer holds no response', undefined, answer.status);
    this.#settle(() => this.#reject(error));
  }

  #refused(answer: HttpAnswer): void {
    const error = refusal(answer, this.#options.endpoint);
    const gone = this.#options.session && isSessionGone(answer, error);
    this.#settle(() => (gone ? this.#resolve({ kind: 'gone', error }) : this.#reject(error)));
  }

  #canResume(answer: HttpAnswer): boolean {
    return this.#options.session !== undefined && answer.isStream && answer.lastEventId !== undefined;
  }

  /** 2025-11-25 polling: the server closed the stream and answers on the one that we open after `retry`. */
  #resumeLater({ lastEventId = '', retryMs = defaultRetryMs }: HttpAnswer): void {
    const { call, endpoint, session } = this.#options;
    const waitMs = Math.min(Math.max(retryMs, minRetryMs), maxRetryMs);
    call.channel?.suspend?.(waitMs);
    this.#timer = endpoint.clock.after(waitMs, () => {
      this.#ended = false;
      const headers = [...(session?.headers ?? []), 'last-event-id', lastEventId];
      const events = this.#events();
      const keepPlace = (answer: HttpAnswer): HttpAnswer => ({
        ...answer,
        lastEventId: answer.lastEventId ?? lastEventId,
        retryMs: answer.retryMs ?? retryMs,
      });
      const resumed = {
        ...events,
        end: (answer: HttpAnswer) =>
          answer.status >= 300
            ? this.#settle(() => this.#reject(this.#notResumed(answer)))
            : events.end(keepPlace(answer)),
        failed: (error: SeaworthyError, answer: HttpAnswer | undefined) =>
          events.failed(error, answer && keepPlace(answer)),
      };
      this.#abort = endpoint.get(headers, resumed, 'call');
    });
  }

  #notResumed = (answer: HttpAnswer) =>
    this.#options.endpoint.faults.lost(`the stream could not be taken up again (HTTP ${String(answer.status)})`);
}

/** What a refusal by HTTP status means for the caller. */
export function refusal(answer: HttpAnswer, { faults, url, clock }: HttpEndpoint): SeaworthyError | PeerError {
  const { status, body, headers } = answer;
  if (status === 401 || status === 403) return faults.refused(status);
  const type = mediaType(headers);
  const reason = `HTTP ${String(status)}${type === '' || type === 'application/json' ? '' : ` with ${type}`}`;
  // Too busy to do anything: the upstream's own words matter less than when to come back.
  if (status === 429 || status === 503)
    return faults.unavailable(reason, undefined, { retryAfterMs: retryAfterMs(headers['retry-after'], clock.now()) });
  if (status < 400 && headers.location !== undefined)
    return faults.redirected(status, place(String(headers.location), url));
  const error = rpcErrorOf(body);
  if (error) return new PeerError(error, status);
  return status >= 500 ? faults.lost(reason) : faults.protocol(reason, undefined, status);
}

/** Where a redirect leads, without what may be secret in it. */
function place(location: string, base: URL): string {
  try {
    const { origin, pathname } = new URL(location, base);
    return origin === base.origin ? pathname : origin + pathname;
  } catch {
    return 'an unreadable address';
  }
}

/** RFC 9110, 10.2.3: seconds, or a date. Undefined where it is neither. */
function retryAfterMs(value: string | string[] | undefined, now: number): number | undefined {
  if (typeof value !== 'string') return undefined;
  const ms = /^\d{1,9}$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isNaN(ms) ? undefined : Math.max(ms, 0);
}

function rpcErrorOf(body: Buffer): RpcErrorObject | undefined {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    // A refusal need not be JSON: proxies answer in HTML.
    return undefined;
  }
  const error = isObject(value) ? value['error'] : undefined;
  if (!isObject(error) || typeof error['code'] !== 'number') return undefined;
  return { ...error, code: error['code'], message: typeof error['message'] === 'string' ? error['message'] : '' };
}

/** 404 by the specification; servers that look the session up themselves often say 400. */
const isSessionGone = ({ status }: HttpAnswer, error: Error): boolean =>
  status === 404 ||
  (status === 400 && error instanceof PeerError && error.error.code === -32000 && /session/i.test(error.message));
