import { systemClock, type Clock } from './clock.js';

/**
 * The outcome of `promise`, or a rejection when `ms` milliseconds pass first: with what `onTimeout` returns or throws.
 * The work itself is not stopped (call it off in `onTimeout`), and its late outcome is dropped.
 */
export function withDeadline<T>(
  promise: PromiseLike<T>,
  ms: number,
  onTimeout: () => Error,
  clock: Clock = systemClock,
): Promise<T> {
  const timedOut = async (): Promise<never> => {
    throw onTimeout();
  };
  return new Promise<T>((resolve) => {
    const timer = clock.after(ms, () => {
      resolve(timedOut());
    });
    const settle = (): void => {
      timer.cancel();
      resolve(promise);
    };
    promise.then(settle, settle);
  });
}
