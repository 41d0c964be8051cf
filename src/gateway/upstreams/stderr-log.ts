import type { Logger } from '#kernel/telemetry/index.js';
import type { Clock } from '#kernel/time/index.js';

const maxLinesPerSecond = 100;
const keptLines = 20;
const maxLineLength = 2_000;

/** Puts a child's stderr into the log, line by line, at a bounded rate, and keeps the last lines. */
export class StderrLog {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly last: string[] = [];
  #rest = '';
  #second = 0;
  #lines = 0;
  #dropped = 0;

  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger;
    this.#clock = clock;
  }

  feed(chunk: Buffer): void {
    const lines = (this.#rest + chunk.toString('utf8')).split('\n');
    this.#rest = (lines.pop() ?? '').slice(0, maxLineLength);
    for (const line of lines) this.#line(line);
  }

  end(): void {
    if (this.#rest) this.#line(this.#rest);
    this.#rest = '';
    this.#reportDropped();
  }

  #line(text: string): void {
    const line = text.trimEnd().slice(0, maxLineLength);
    if (line === '') return;
    this.last.push(line);
    if (this.last.length > keptLines) this.last.shift();
    const second = Math.floor(this.#clock.monotonic() / 1_000);
    if (second !== this.#second) {
      this.#reportDropped();
      this.#second = second;
      this.#lines = 0;
    }
    if (++this.#lines <= maxLinesPerSecond) this.#logger.info({ line }, 'stderr of the upstream');
    else this.#dropped++;
  }

  #reportDropped(): void {
    if (this.#dropped > 0)
      this.#logger.warn({ lines: this.#dropped }, 'stderr of the upstream came too fast; lines were dropped');
    this.#dropped = 0;
  }
}
