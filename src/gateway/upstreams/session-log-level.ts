import { logLevels, type LogLevel } from '#protocol/model/index.js';

/**
 * The level of log messages of one legacy session, which all its calls share: the most verbose that somebody wants.
 * Each call's client gets what it asked for: that is filtered on the way back.
 */
export class SessionLogLevel {
  /** What the session's client wants, calls or not. */
  standing: LogLevel | undefined;
  readonly #wanted = new Map<LogLevel, number>();
  #sent: LogLevel | undefined;

  /** Wants a level for the time of a call; returns the way to end it. */
  want(level: LogLevel): () => void {
    this.#wanted.set(level, (this.#wanted.get(level) ?? 0) + 1);
    return () => {
      const count = (this.#wanted.get(level) ?? 1) - 1;
      if (count > 0) this.#wanted.set(level, count);
      else this.#wanted.delete(level);
    };
  }

  /** The level to send to the server, where it is another one than it has; it counts as sent. */
  change(): LogLevel | undefined {
    const level = logLevels.find((each) => this.#wanted.has(each) || this.standing === each);
    if (level === undefined || level === this.#sent) return undefined;
    this.#sent = level;
    return level;
  }
}
