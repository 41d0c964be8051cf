import type { Origin } from './origin.js';
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
  readonly origin: Origin | undefined;
  #reason: CancelReason | undefined;
  #listeners: Set<{ readonly call: (reason: CancelReason) => void }> | undefined;
  #controller: AbortController | undefined;
  #ends: (() => void)[] | undefined;

  constructor(id: string, principal: Principal, startedAt: number, traceparent?: string, origin?: Origin) {
    this.id = id;
    this.principal = principal;
    this.startedAt = startedAt;
    this.traceparent = traceparent;
    this.origin = origin;
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
    const entry = { call: listener };
    const listeners = (this.#listeners ??= new Set());
    listeners.add(entry);
    return () => {
      listeners.delete(entry);
    };
  }

  /**
   * Ends the call; the first reason stands. Every listener is told, even after one of them threw: that is a mistake of
   * ours which must not stop whoever cancels (a timer, a loop over calls). It is reported as a warning of the process.
   */
  cancel(reason: CancelReason): void {
    if (this.#reason) return;
    this.#reason = reason;
    // A live iteration: a listener that another one removes meanwhile is not called any more.
    for (const { call } of this.#listeners ?? [])
      try {
        call(reason);
      } catch (failure) {
        process.emitWarning(failure instanceof Error ? failure : String(failure));
      }
    this.#listeners = undefined;
    this.#controller?.abort(reason);
  }

  /** Calls back when the answer has left the process: for what is held until then. */
  onEnd(listener: () => void): void {
    (this.#ends ??= []).push(listener);
  }

  /** True where somebody waits for the answer to leave. */
  get awaited(): boolean {
    return this.#ends !== undefined;
  }

  /** The answer has left, or nobody wants it any more. */
  end(): void {
    const ends = this.#ends ?? [];
    this.#ends = undefined;
    for (const listener of ends) listener();
  }

  /** The same as an AbortSignal, for libraries that want one. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#reason) this.#controller.abort(this.#reason);
    return this.#controller.signal;
  }
}
