import type { Clock } from '#kernel/time/index.js';

const seconds = 10;
/** Retries per call of the last ten seconds. */
const ratio = 0.1;
/** Retries a second that are allowed on top, for servers with few calls. */
const perSecond = 3;

/** Bounds repeated calls, so that a server in trouble is not asked twice as much by everybody. */
export class RetryBudget {
  readonly #clock: Clock;
  readonly #calls = new Uint32Array(seconds);
  readonly #retries = new Uint32Array(seconds);
  #second = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Counts a call. */
  called(): void {
    const place = this.#now();
    this.#calls[place] = (this.#calls[place] ?? 0) + 1;
  }

  /** Takes one retry; false where there is none left: 10 % of the calls of the last 10 s, and 3 for each second. */
  take(): boolean {
    const place = this.#now();
    if (sum(this.#retries) >= sum(this.#calls) * ratio + perSecond * seconds) return false;
    this.#retries[place] = (this.#retries[place] ?? 0) + 1;
    return true;
  }

  /** The place of this second, after the seconds that have passed since were emptied. */
  #now(): number {
    const second = Math.floor(this.#clock.monotonic() / 1000);
    if (second - this.#second >= seconds) this.#second = second - seconds;
    while (this.#second < second) {
      this.#second++;
      this.#calls[this.#second % seconds] = 0;
      this.#retries[this.#second % seconds] = 0;
    }
    return second % seconds;
  }
}

const sum = (counts: Uint32Array): number => counts.reduce((total, count) => total + count, 0);
