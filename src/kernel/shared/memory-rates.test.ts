import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import type { Clock } from '#kernel/time/index.js';
import { MemoryRates } from './memory-rates.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const heapBytes = (): number => {
  collect();
  return process.memoryUsage().heapUsed;
};

it.each([
  ['with room for more', 100_000],
  ['at its bound', 10],
])('holds the same memory after any number of takes, %s', (_how, maxKeys) => {
  let now = 0;
  const clock: Pick<Clock, 'monotonic'> = { monotonic: () => now };
  const rates = new MemoryRates(clock as Clock, maxKeys);
  const takes = (count: number) => {
    for (let take = 0; take < count; take++) {
      // Every bucket is full again when its turn comes, so each take starts one anew.
      now += 100;
      rates.take(`key:${take % 20}`, { limit: 10, windowMs: 1_000 });
    }
  };
  takes(10_000);
  const before = heapBytes();
  takes(200_000);
  expect(heapBytes() - before).toBeLessThan(2 ** 20);
});
