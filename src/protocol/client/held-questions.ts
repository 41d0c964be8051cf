import type { Clock, Timer } from '#kernel/time/index.js';
import type { ServerRequest } from './outbound-text.js';

/** Milliseconds that a question may wait until it is clear whose it is. */
export const questionHoldMs = 10_000;

interface Held {
  readonly question: ServerRequest;
  readonly expiry: Timer;
}

/** Questions of a server that several calls may have caused: they wait until only one of these is left. */
export class HeldQuestions {
  readonly #clock: Clock;
  readonly #onExpired: (question: ServerRequest) => void;
  readonly #held = new Map<unknown, Held>();

  /** `onExpired` gets a question that has waited `questionHoldMs`; it is not held any more. */
  constructor(clock: Clock, onExpired: (question: ServerRequest) => void) {
    this.#clock = clock;
    this.#onExpired = onExpired;
  }

  get size(): number {
    return this.#held.size;
  }

  add(question: ServerRequest): void {
    const expiry = this.#clock.after(
      questionHoldMs,
      () => {
        if (this.#held.delete(question.id)) this.#onExpired(question);
      },
      { unref: true },
    );
    this.#held.set(question.id, { question, expiry });
  }

  /** The server does not want the answer any more. True when it was held. */
  drop(id: unknown): boolean {
    this.#held.get(id)?.expiry.cancel();
    return this.#held.delete(id);
  }

  /** Takes all of them out, in the order in which they came. */
  take(): ServerRequest[] {
    const taken = [...this.#held.values()];
    this.#held.clear();
    for (const { expiry } of taken) expiry.cancel();
    return taken.map(({ question }) => question);
  }
}
