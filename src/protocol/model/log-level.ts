import { logLevels, type LogLevel, type ModelNotification } from './model.js';

/**
 * Whether a client that asked for log messages from `threshold` on gets this notification: none where it asked for
 * none, and one of an unknown level rather than lose it. Anything but a log message passes.
 */
export function passesLogLevel({ method, params }: ModelNotification, threshold: LogLevel | undefined): boolean {
  if (method !== 'notifications/message') return true;
  if (threshold === undefined) return false;
  const level = (logLevels as readonly unknown[]).indexOf(params['level']);
  return level < 0 || level >= logLevels.indexOf(threshold);
}
