import { Client, type Dispatcher } from 'undici';
import type { IncomingHttpHeaders } from 'undici/types/header.js';
import { fail, reasonOf, SeaworthyError } from '../errors/index.js';
import { systemClock } from '../time/index.js';
import type { AddressRange } from './address-range.js';
import { guardedConnector, type Resolve } from './guarded-connector.js';

export interface GuardedRequestOptions {
  /** Default GET. Only GET and HEAD follow redirects. */
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE' | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | Buffer | undefined;
  /** Largest answer, bytes. Default 1 MiB. */
  readonly maxBytes?: number | undefined;
  /** Milliseconds for everything, redirects included. Default 10,000. */
  readonly timeoutMs?: number | undefined;
  /** `public` (default): https to public addresses only. `any`: whatever the operator wrote, http too. */
  readonly allow?: 'public' | 'any' | undefined;
  /** Besides public addresses also loopback, there over http too. Default false. */
  readonly allowLoopback?: boolean | undefined;
  /** Redirects to follow. Default 3. */
  readonly maxRedirects?: number | undefined;
  /** Certificates to trust instead of the system's, PEM. */
  readonly ca?: string | undefined;
  /** How names are resolved. Default: the system's resolver. */
  readonly resolve?: Resolve | undefined;
}

export interface GuardedResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Where the answer came from, after redirects. */
  readonly url: string;
}

interface Settings extends GuardedRequestOptions {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  readonly maxBytes: number;
  readonly timeoutMs: number;
}

/** What may follow a redirect to another origin; anything else could be a credential. */
const harmlessHeaders: ReadonlySet<string> = new Set(['accept', 'accept-language', 'user-agent']);

/**
 * One request to an address that somebody else may have chosen (metadata, key sets, webhooks): the address is
 * resolved, checked against private ranges and pinned for each connection, redirects are checked anew, size and time
 * are bounded. No connection is kept, so each request is judged by what its name means now. Answers of any status are
 * returned.
 * @throws SW_OUTBOUND_REFUSED, SW_ADDRESS_REFUSED, SW_OUTBOUND_FAILED, SW_OUTBOUND_TIMEOUT, SW_OUTBOUND_TOO_LARGE
 */
export async function guardedRequest(url: string, options: GuardedRequestOptions = {}): Promise<GuardedResponse> {
  const settings: Settings = {
    ...options,
    method: options.method ?? 'GET',
    maxBytes: options.maxBytes ?? 2 ** 20,
    timeoutMs: options.timeoutMs ?? 10_000,
  };
  const until = systemClock.monotonic() + settings.timeoutMs;
  const maxRedirects = options.maxRedirects ?? 3;
  let target = parsed(url, url);
  let headers = Object.entries(settings.headers ?? {});
  for (let redirects = 0; ; redirects++) {
    const response = await exchange(target, rangeOf(target, settings), headers, until, settings);
    const location = redirectOf(response, settings.method);
    if (location === undefined) return response;
    if (redirects >= maxRedirects) throw refused(target, `it redirects more than ${String(maxRedirects)} times`);
    const next = parsed(location, target.href);
    if (next.protocol !== target.protocol && next.protocol !== 'https:')
      throw refused(next, 'a redirect leads from https to another scheme');
    if (next.origin !== target.origin) headers = headers.filter(([name]) => harmlessHeaders.has(name.toLowerCase()));
    target = next;
  }
}

function parsed(url: string, base: string): URL {
  let target: URL;
  try {
    target = new URL(url, base);
  } catch (cause) {
    throw fail('SW_OUTBOUND_REFUSED', { url: '(unreadable)', reason: 'it is no URL' }, cause);
  }
  if (target.protocol !== 'https:' && target.protocol !== 'http:') throw refused(target, 'its scheme is not https');
  if (target.username !== '' || target.password !== '') throw refused(target, 'it carries a password');
  return target;
}

/** Plain http goes nowhere but to this machine, and there only where that is allowed. */
function rangeOf(target: URL, { allow = 'public', allowLoopback = false }: Settings): AddressRange {
  if (allow === 'any') return 'any';
  if (target.protocol === 'https:') return allowLoopback ? 'public-or-loopback' : 'public';
  if (!allowLoopback) throw refused(target, 'its scheme is not https');
  return 'loopback';
}

function redirectOf({ status, headers }: GuardedResponse, method: string): string | undefined {
  const { location } = headers;
  if (method !== 'GET' && method !== 'HEAD') return undefined;
  const follows = status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
  return follows && typeof location === 'string' ? location : undefined;
}

async function exchange(
  target: URL,
  range: AddressRange,
  headers: readonly (readonly [string, string])[],
  until: number,
  { method, body, maxBytes, timeoutMs, ca, resolve }: Settings,
): Promise<GuardedResponse> {
  const client = new Client(target.origin, {
    connect: guardedConnector({ range, timeoutMs, ca, resolve }),
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const late = () => fail('SW_OUTBOUND_TIMEOUT', { url: shown(target), timeoutMs });
  const timer = systemClock.after(until - systemClock.monotonic(), () => void client.destroy(late()));
  try {
    return await new Promise<GuardedResponse>((resolved, reject) => {
      const path = target.pathname + target.search;
      const sent = [...headers.flat(), 'accept-encoding', 'identity'];
      client.dispatch(
        { path, method, headers: sent, body: body ?? null },
        new Collector(target, maxBytes, resolved, reject),
      );
    });
  } finally {
    timer.cancel();
    await client.destroy();
  }
}

/** Reads one answer whole, within its bound. */
class Collector implements Dispatcher.DispatchHandler {
  readonly #target: URL;
  readonly #maxBytes: number;
  readonly #resolve: (response: GuardedResponse) => void;
  readonly #reject: (error: Error) => void;
  readonly #pieces: Buffer[] = [];
  #status = 0;
  #headers: IncomingHttpHeaders = {};
  #bytes = 0;

  constructor(
    target: URL,
    maxBytes: number,
    resolve: (response: GuardedResponse) => void,
    reject: (error: Error) => void,
  ) {
    this.#target = target;
    this.#maxBytes = maxBytes;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** undici tells by this method that the handler is of its present kind. */
  onRequestStart(): void {}

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    this.#status = status;
    this.#headers = headers;
    // What unpacks to any size is not accepted, and was not asked for.
    if ((headers['content-encoding'] ?? 'identity') !== 'identity')
      controller.abort(refused(this.#target, 'it answered with a content encoding'));
    else if (Number(headers['content-length']) > this.#maxBytes) controller.abort(this.#tooLarge());
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#maxBytes) controller.abort(this.#tooLarge());
    else this.#pieces.push(chunk);
  }

  onResponseEnd(): void {
    this.#resolve({
      status: this.#status,
      headers: this.#headers,
      body: Buffer.concat(this.#pieces),
      url: this.#target.href,
    });
  }

  onResponseError(_controller: Dispatcher.DispatchController, cause: Error): void {
    if (cause instanceof SeaworthyError) return this.#reject(cause);
    const reason = 'code' in cause && typeof cause.code === 'string' ? cause.code : reasonOf(cause);
    this.#reject(fail('SW_OUTBOUND_FAILED', { url: shown(this.#target), reason }, cause));
  }

  #tooLarge = () => fail('SW_OUTBOUND_TOO_LARGE', { url: shown(this.#target), maxBytes: this.#maxBytes });
}

/** Queries and passwords may be secrets. */
const shown = ({ origin, pathname }: URL): string => `${origin}${pathname}`;

const refused = (target: URL, reason: string) => fail('SW_OUTBOUND_REFUSED', { url: shown(target), reason });
