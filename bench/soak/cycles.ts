import { echoCall, request } from '../harness/mcp.js';
import { check, progress } from './checks.js';
import { Children } from './children.js';

/** Servers that come and go together: one reload of the configuration starts them, the next one ends them. */
const together = 4;
/** Cycles after which the program holds what it always will: compiled code, caches, pools. */
const warmCycles = 100;
const answerMs = 30_000;

/** Starts and stops stdio servers so many times, by reload; each must answer a call while it is there. */
export async function cycles(count: number): Promise<void> {
  const children = await Children.start([]);
  const begun = performance.now();
  const warm = Math.min(warmCycles, Math.ceil(count / 4));
  let done = 0;
  let answered = 0;
  let ended = 0;
  const run = async (until: number): Promise<void> => {
    for (; done < until; done += together) {
      const names = Array.from({ length: together }, (_, index) => `child-${String(index)}`);
      children.program.reload(children.config(names));
      const answers = await Promise.all(names.map((name) => answersCall(children, name)));
      answered += answers.filter(Boolean).length;
      children.program.reload(children.config([]));
      if (await children.come(0)) ended += together;
      progress(`${String(done)} of ${String(count)} cycles`);
    }
  };
  try {
    await run(warm);
    const before = await children.level();
    await run(count);
    const seconds = ((performance.now() - begun) / 1000).toFixed(0);
    check('cycles.answered', answered === done, `${String(answered)} of ${String(done)} in ${seconds} s`);
    check('cycles.ended', ended === done, `${String(ended)} of ${String(done)}`);
    await children.compare(before);
  } finally {
    await children.stop();
  }
}

/** True when the server answers an echo in time; while the reload is on its way there is none of that name. */
async function answersCall({ program }: Children, name: string): Promise<boolean> {
  for (const begun = performance.now(); performance.now() - begun < answerMs;) {
    try {
      const result = await request(program.endpoint(name), 'tools/call', echoCall().params);
      return result['isError'] !== true;
    } catch {
      // Not there yet.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  return false;
}
