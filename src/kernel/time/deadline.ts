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
  return new Promise<T>((resolve, reject) => {
    const timer = clock.after(ms, () => {
      try {
        reject(onTimeout());
      } catch (error) {
        reject(error);
      }
    });
    promise.then(
      (value) => {
        timer.cancel();
        resolve(value);
      },
      (error: unknown) => {
        timer.cancel();
        reject(error);
      },
    );
  });
}
