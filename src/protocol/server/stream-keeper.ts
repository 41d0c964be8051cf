import type { Principal } from '#kernel/context/index.js';
import { fail } from '#kernel/errors/index.js';
import type { HttpAnswer } from '../transport/index.js';

/** How many streams are allowed, and how often an idle one shows life. */
export interface StreamLimits {
  /** Long-lived streams in all (`subscriptions/listen`, legacy GET). */
  readonly maxStreams: number;
  readonly maxStreamsPerPrincipal: number;
  readonly keepAliveMs: number;
}

/** A guess: streams end when their clients go. */
const retryAfterSeconds = 1;

/**
 * Every open stream of a process: counts them, keeps them alive with one timer for all, ends them at drain.
 */
export class StreamKeeper {
  readonly #limits: StreamLimits;
  readonly #open = new Set<HttpAnswer>();
  readonly #listeners = new Map<HttpAnswer, { end: () => void; principalId: string }>();
  readonly #perPrincipal = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;
  readonly #onCount: (open: number) => void;
  #draining = false;

  constructor(limits: StreamLimits, onCount: (open: number) => void = () => {}) {
    this.#limits = limits;
    this.#onCount = onCount;
    this.#timer = setInterval(() => this.#beat(), limits.keepAliveMs).unref();
  }

  /** Begins the stream of a call, if it has not begun. */
  open(answer: HttpAnswer): void {
    if (answer.state !== 'waiting') return;
    answer.startStream();
    this.#open.add(answer);
    this.#onCount(this.#open.size);
  }

  /**
   * @throws SW_CONCURRENCY_LIMITED, SW_OVERLOADED where the principal, or everybody together, holds too many streams;
   *   SW_DRAINING for a request that was let in before the drain began
   */
  admitListener(principal: Principal): void {
    if (this.#draining) throw fail('SW_DRAINING');
    const { maxStreams, maxStreamsPerPrincipal: limit } = this.#limits;
    const full = () => this.#listeners.size >= maxStreams;
    const busy = () => (this.#perPrincipal.get(principal.id) ?? 0) >= limit;
    if (!full() && !busy()) return;
    // Streams that we ended ourselves (taken over, resumed to the end) may still be counted.
    this.#sweep();
    if (full()) throw fail('SW_OVERLOADED', { reason: `${maxStreams} streams are open`, retryAfterSeconds });
    if (busy()) throw fail('SW_CONCURRENCY_LIMITED', { limit, scope: 'principal (open streams)', retryAfterSeconds });
  }

  /** Begins a long-lived stream; `end` is called at drain. Returns the way to forget it. */
  openListener(answer: HttpAnswer, principal: Principal, end: () => void): () => void {
    this.open(answer);
    this.#listeners.set(answer, { end, principalId: principal.id });
    this.#perPrincipal.set(principal.id, (this.#perPrincipal.get(principal.id) ?? 0) + 1);
    return () => this.#release(answer);
  }

  /** Ends the long-lived streams of these principals. */
  endOf(principalIds: ReadonlySet<string>): void {
    for (const [answer, { end, principalId }] of [...this.#listeners]) {
      if (!principalIds.has(principalId)) continue;
      end();
      this.#release(answer);
    }
  }

  /** Streams that are open now. */
  get size(): number {
    this.#sweep();
    return this.#open.size;
  }

  /** Ends the long-lived streams; those of calls end with their call. */
  drain(): void {
    this.#draining = true;
    for (const [answer, { end }] of [...this.#listeners]) {
      end();
      this.#release(answer);
    }
  }

  stop(): void {
    clearInterval(this.#timer);
    this.drain();
  }

  #release(answer: HttpAnswer): void {
    const listener = this.#listeners.get(answer);
    if (!listener) return;
    this.#listeners.delete(answer);
    const count = (this.#perPrincipal.get(listener.principalId) ?? 1) - 1;
    if (count > 0) this.#perPrincipal.set(listener.principalId, count);
    else this.#perPrincipal.delete(listener.principalId);
    this.#open.delete(answer);
    this.#onCount(this.#open.size);
  }

  #beat(): void {
    this.#sweep();
    for (const answer of this.#open) answer.keepAlive();
  }

  #sweep(): void {
    for (const answer of this.#listeners.keys()) if (answer.state === 'ended') this.#release(answer);
    for (const answer of this.#open) if (answer.state === 'ended') this.#open.delete(answer);
    this.#onCount(this.#open.size);
  }
}
