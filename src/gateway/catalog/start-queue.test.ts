import { expect, it } from 'vitest';
import { fakeClock } from '#kernel/time/index.js';
import { StartQueue } from './start-queue.js';

it('starts a little later, a few at a time, and goes on past one that fails', async () => {
  const clock = fakeClock();
  const queue = new StartQueue(clock);
  const ends: ((error?: Error) => void)[] = [];
  const outcomes: string[] = [];
  for (let id = 0; id < 20; id++) {
    const begun = () =>
      new Promise<void>((resolve, reject) => ends.push((error) => (error ? reject(error) : resolve())));
    queue.add(begun).then(
      () => outcomes.push('ok'),
      () => outcomes.push('failed'),
    );
  }
  await clock.advanceAsync(100);
  expect(ends).toHaveLength(0);
  await clock.advanceAsync(200);
  expect(ends).toHaveLength(8);
  ends[0]?.(new RangeError('no'));
  ends[1]?.();
  await clock.advanceAsync(0);
  expect(ends).toHaveLength(10);
  for (let id = 2; id < 20; id++) {
    ends[id]?.();
    await clock.advanceAsync(0);
  }
  expect(outcomes.sort()).toEqual(['failed', ...Array<string>(19).fill('ok')]);
  expect(clock.pending).toBe(0);
});
