import type { Principal } from './principal.js';

/** Why a call ended early. */
export type CancelReason = 'client' | 'deadline' | 'disconnect' | 'drain';

/**
 * What travels with one request: id, principal, deadline, cancellation. One object per request, shared with nobody.
 * Cancellation is a plain callback list: an AbortSignal is only built when somebody asks for one (it costs
 * microseconds, and most calls never need it).
 */
export class CallScope {
  readonly id: string;
  readonly principal: Principal;
  /** Milliseconds of `performance.now()` at arrival. */
  readonly startedAt: number;
  /** W3C trace context as it arrived, forwarded to upstreams. */
  readonly traceparent: string | undefined;
  #reason: CancelReason | undefined;
  #listeners: ((reason: CancelReason) => void)[] = [];
  #controller: AbortController | undefined;

  constructor(id: string, principal: Principal, startedAt: number, traceparent?: string) {
    this.id = id;
    this.principal = principal;
    this.startedAt = startedAt;
    this.traceparent = traceparent;
  }

  get cancelled(): CancelReason | undefined {
    return this.#reason;
  }

  /** Calls back once when the call is cancelled (at once if it already is); returns the way to stop listening. */
  onCancel(listener: (reason: CancelReason) => void): () => void {
    if (this.#reason) {
      listener(this.#reason);
      return () => {};
    }
    this.#listeners.push(listener);
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== listener);
    };
  }

  cancel(reason: CancelReason): void {
    if (this.#reason) return;
    this.#reason = reason;
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) listener(reason);
    this.#controller?.abort(reason);
  }

  /** The same as an AbortSignal, for libraries that want one. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#reason) this.#controller.abort(this.#reason);
    return this.#controller.signal;
  }
}
