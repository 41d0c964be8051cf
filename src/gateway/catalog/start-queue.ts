import type { Clock } from '#kernel/time/index.js';

/** First lists come before this, milliseconds: what is known already need not compete with them for the processor. */
const delayMs = 250;
const atOnce = 8;

/** Starts what can wait: a little later, and a few at a time. */
export class StartQueue {
  readonly #clock: Clock;
  readonly #waiting: (() => Promise<void>)[] = [];
  #running = 0;
  #planned = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Settles as `start` does, when its turn has come. */
  add(start: () => Promise<void>): Promise<void> {
    if (!this.#planned) {
      this.#planned = true;
      this.#clock.after(delayMs, () => this.#next());
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => start().then(resolve, reject));
    });
  }

  #next(): void {
    this.#planned = false;
    for (; this.#running < atOnce; this.#running++) {
      const start = this.#waiting.shift();
      if (!start) return;
      void start().then(() => {
        this.#running--;
        this.#next();
      });
    }
  }
}
