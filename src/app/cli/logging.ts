import { createLogger, type Logger } from '#kernel/telemetry/index.js';
import type { Config } from '../config.js';

/** The log of a command: always on stderr, for stdout carries results, JSON or the protocol. */
export function commandLogger({ log }: Config, level: string | undefined): Logger {
  const format = log.format === 'auto' ? (process.stderr.isTTY ? 'pretty' : 'json') : log.format;
  return createLogger({ level: level ?? log.level, format, destination: 'stderr' });
}
