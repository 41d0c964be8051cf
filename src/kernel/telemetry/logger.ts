import type { Writable } from 'node:stream';
import pc from 'picocolors';
import { pino, type DestinationStream, type Logger as PinoLogger } from 'pino';
import { safeFields } from './log-fields.js';
import { prettyLine } from './pretty.js';

/** Levels from the most to the least talkative; `silent` writes nothing. */
const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;

/**
 * A structured log. `fields` are data (safe to search), `message` is one constant sentence. Setting `level` on any
 * logger of a family (a root and its children) changes it for the whole family at once.
 */
export interface Logger {
  /** One of `logLevels`; an unknown word is read as `info`. */
  level: string;
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** A logger whose lines all carry `fields`. */
  child(fields: object): Logger;
}

export interface LoggerOptions {
  /** Default `info`. */
  readonly level?: string;
  /** `json` (default): one object per line. `pretty`: one line for people. */
  readonly format?: 'json' | 'pretty';
  /** Default `stdout`. A stdio server must log to `stderr`: its stdout belongs to the protocol. */
  readonly destination?: 'stdout' | 'stderr' | Writable;
}

/** Makes the log of one server: ISO times, levels as words, secrets redacted, errors as code and chain of causes. */
export function createLogger(options: LoggerOptions = {}): Logger {
  const sink = openSink(options.destination ?? 'stdout');
  const colour = sink.isTerminal && pc.isColorSupported;
  const pretty: DestinationStream = {
    write: (line) => {
      sink.stream.write(prettyLine(line, colour));
    },
  };
  const root = pino(
    {
      base: null,
      // Our own threshold decides: pino copies a level into each child, and then a change would not reach them.
      level: 'debug',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // Errors are already plain fields here; pino's serializer would add their class and stack again.
      serializers: { err: (value: unknown) => value },
    },
    options.format === 'pretty' ? pretty : sink.stream,
  );
  const family: Family = { level: 'info', threshold: 0 };
  const logger = new FamilyLogger(root, family);
  logger.level = options.level ?? 'info';
  return logger;
}

/** A log that writes nothing, for tests and for libraries that were given none. */
export const silentLogger: Logger = {
  get level() {
    return 'silent';
  },
  set level(_level: string) {
    // Shared by everybody who wants silence, so nobody can turn it up.
  },
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLogger,
};

type LevelName = (typeof logLevels)[number];

interface Family {
  level: LevelName;
  /** Index in `logLevels`: what lies below is not written. */
  threshold: number;
}

class FamilyLogger implements Logger {
  readonly #pino: PinoLogger;
  readonly #family: Family;

  constructor(pinoLogger: PinoLogger, family: Family) {
    this.#pino = pinoLogger;
    this.#family = family;
  }

  get level(): string {
    return this.#family.level;
  }
  set level(level: string) {
    const place = (logLevels as readonly string[]).indexOf(level);
    this.#family.threshold = place < 0 ? logLevels.indexOf('info') : place;
    this.#family.level = logLevels[this.#family.threshold] ?? 'info';
  }

  debug(fields: object, message: string): void {
    if (this.#family.threshold <= 0) this.#pino.debug(safeFields(fields, true), message);
  }
  info(fields: object, message: string): void {
    if (this.#family.threshold <= 1) this.#pino.info(safeFields(fields, this.#withStack), message);
  }
  warn(fields: object, message: string): void {
    if (this.#family.threshold <= 2) this.#pino.warn(safeFields(fields, this.#withStack), message);
  }
  error(fields: object, message: string): void {
    if (this.#family.threshold <= 3) this.#pino.error(safeFields(fields, this.#withStack), message);
  }
  child(fields: object): Logger {
    return new FamilyLogger(this.#pino.child(safeFields(fields, false)), this.#family);
  }

  get #withStack(): boolean {
    return this.#family.threshold === 0;
  }
}

interface Sink {
  readonly stream: DestinationStream;
  readonly isTerminal: boolean;
}

function openSink(destination: 'stdout' | 'stderr' | Writable): Sink {
  if (typeof destination !== 'string') return { stream: destination, isTerminal: false };
  const fd = destination === 'stdout' ? 1 : 2;
  // Asynchronous, so that a slow log reader does not stop the server; pino flushes what is left when the process exits.
  return { stream: pino.destination({ fd, sync: false }), isTerminal: process[destination].isTTY };
}
