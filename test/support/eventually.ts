import { setTimeout as wait } from 'node:timers/promises';

/** Waits until `holds` is true, looking every few milliseconds. Rejects after `patienceMs`: for what must happen soon. */
export async function eventually(holds: () => boolean | Promise<boolean>, patienceMs = 3000): Promise<void> {
  const until = performance.now() + patienceMs;
  while (!(await holds())) {
    if (performance.now() > until) throw new RangeError(`not within ${patienceMs} ms: ${holds.toString()}`);
    await wait(5);
  }
}
