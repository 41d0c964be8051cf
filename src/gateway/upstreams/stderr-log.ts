import type { Logger } from '#kernel/telemetry/index.js';
import type { Clock } from '#kernel/time/index.js';

const maxLinesPerSecond = 100;
const keptLines = 20;
const maxLineLength = 2_000;

export interface StderrLogOptions {
  readonly logger: Logger;
  readonly clock: Clock;
  /** Values that must not come out: what the child got from secret references. */
  readonly secrets: readonly string[];
  /** Called with the number of lines that came too fast, at most once a second. */
  readonly onDropped: (lines: number) => void;
}

/** Puts a child's stderr into the log, line by line, at most 100 a second, and keeps the last lines. */
export class StderrLog {
  readonly #options: StderrLogOptions;
  readonly last: string[] = [];
  #rest = '';
  #second = 0;
  #lines = 0;
  #dropped = 0;

  constructor(options: StderrLogOptions) {
    this.#options = options;
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
    const line = this.#redact(text.trimEnd()).slice(0, maxLineLength);
    if (line === '') return;
    this.last.push(line);
    if (this.last.length > keptLines) this.last.shift();
    const second = Math.floor(this.#options.clock.monotonic() / 1_000);
    if (second !== this.#second) {
      this.#reportDropped();
      this.#second = second;
      this.#lines = 0;
    }
    if (++this.#lines <= maxLinesPerSecond) this.#options.logger.info({ line }, 'stderr of the upstream');
    else this.#dropped++;
  }

  #redact(text: string): string {
    let redacted = text;
    for (const secret of this.#options.secrets) redacted = redacted.replaceAll(secret, '[redacted]');
    return redacted;
  }

  #reportDropped(): void {
    if (this.#dropped === 0) return;
    const { logger, onDropped } = this.#options;
    logger.warn({ lines: this.#dropped }, 'stderr of the upstream came too fast; lines were dropped');
    onDropped(this.#dropped);
    this.#dropped = 0;
  }
}
