import type { Clock } from '#kernel/time/index.js';

export interface BreakerSettings {
  /** Outages in a row that open the circuit; 0: it never opens. Default 5. */
  readonly failures: number;
  /** Milliseconds that it stays open the first time; each failed probe doubles them. Default 1,000. */
  readonly openMs: number;
  /** Bound of that, milliseconds; also for what the server asks for by Retry-After. Default 30,000. */
  readonly maxOpenMs: number;
}

export type CircuitState = 'closed' | 'open' | 'half-open';

/** Outages among the calls of one window open the circuit too, where they are at least half of this many. */
const windowMs = 10_000;
const minWindowCalls = 20;

/**
 * Keeps calls away from a server that does not answer. On the path of every call, hence a counter and a clock.
 *
 *   closed --outages in a row, or half of a window's calls--> open --its time--> half-open --answer--> closed
 *                                                              ^---------- outage ----------'
 *
 * Half-open lets one call through as a probe; when that one is not back after the time the circuit was open, another.
 */
export class CircuitBreaker {
  readonly #settings: BreakerSettings;
  readonly #clock: Clock;
  readonly #onState: (state: CircuitState) => void;
  #state: CircuitState = 'closed';
  #inRow = 0;
  #windowEnds = 0;
  #calls = 0;
  #outages = 0;
  #openMs: number;
  /** Monotonic milliseconds from which the next probe may go. */
  #probeAt = 0;

  constructor(settings: BreakerSettings, clock: Clock, onState: (state: CircuitState) => void) {
    this.#settings = settings;
    this.#clock = clock;
    this.#onState = onState;
    this.#openMs = settings.openMs;
  }

  get state(): CircuitState {
    return this.#state;
  }

  /** Milliseconds until a call may go; 0: now, and in an open circuit it is the probe. */
  enter(): number {
    if (this.#state === 'closed') return 0;
    const now = this.#clock.monotonic();
    if (now < this.#probeAt) return this.#probeAt - now;
    this.#become('half-open');
    this.#probeAt = now + this.#openMs;
    return 0;
  }

  /** The server has answered, whatever it said. */
  answered(): void {
    this.#inRow = 0;
    this.#calls++;
    if (this.#state !== 'closed') this.#close();
  }

  /** The server could not be reached, broke off, or let a call's time pass. */
  outage(): void {
    this.#inRow++;
    this.#calls++;
    this.#outages++;
    if (this.#settings.failures === 0 || this.#state === 'open') return;
    if (this.#state === 'half-open') {
      this.#openMs = Math.min(this.#openMs * 2, this.#settings.maxOpenMs);
      this.#open(this.#openMs);
    } else if (this.#inRow >= this.#settings.failures || this.#halfOfWindow()) this.#open(this.#openMs);
  }

  /** A call ended without saying anything about the server: the next one may probe. */
  undecided(): void {
    if (this.#state === 'half-open') this.#probeAt = this.#clock.monotonic();
  }

  /** The server asks to be left alone for so many milliseconds. */
  hold(ms: number): void {
    if (this.#settings.failures > 0) this.#open(Math.min(ms, this.#settings.maxOpenMs));
  }

  /** The window is looked at on outages only: calls that work just count. */
  #halfOfWindow(): boolean {
    const now = this.#clock.monotonic();
    const half = this.#calls >= minWindowCalls && this.#outages * 2 >= this.#calls;
    if (now >= this.#windowEnds) {
      this.#windowEnds = now + windowMs;
      this.#calls = 0;
      this.#outages = 0;
      return false;
    }
    return half;
  }

  #open(ms: number): void {
    this.#become('open');
    this.#probeAt = this.#clock.monotonic() + ms;
  }

  #close(): void {
    this.#openMs = this.#settings.openMs;
    this.#windowEnds = 0;
    this.#become('closed');
  }

  #become(state: CircuitState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#onState(state);
  }
}
