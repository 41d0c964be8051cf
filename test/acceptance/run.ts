// npm run acceptance [-- MODULE…]: black-box cases against the built program. One line `ID pass|fail` each, the reason
// of a failure on stderr, and a last line `passed/total MODULE` per module. Exits 1 when a case fails, 64 on a bad name.
import type { Case } from './case.js';

/** One line per module that has cases. */
const modules: Readonly<Record<string, () => Promise<{ readonly cases: readonly Case[] }>>> = {
  gateway: () => import('./gateway.js'),
};

const chosen = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(modules);
const unknown = chosen.filter((name) => !Object.hasOwn(modules, name));
if (unknown.length > 0) {
  console.error(`no cases for ${unknown.join(', ')}; there are: ${Object.keys(modules).join(', ')}`);
  process.exit(64);
}

const caseTimeoutMs = 90_000;
let failed = 0;
for (const name of chosen) {
  const load = modules[name] as (typeof modules)[string];
  const { cases } = await load();
  let passed = 0;
  for (const each of cases) if (await passes(each)) passed++;
  failed += cases.length - passed;
  console.log(`${passed}/${cases.length} ${name}`);
}
// A client library may leave a timer behind; what the cases started has ended.
process.exit(failed > 0 ? 1 : 0);

async function passes({ id, states, run }: Case): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${caseTimeoutMs} ms`)), caseTimeoutMs);
  });
  try {
    await Promise.race([run(), tooLong]);
    console.log(`${id} pass`);
    return true;
  } catch (error) {
    console.log(`${id} fail`);
    console.error(`${id} ${states}: ${error instanceof Error ? error.message : String(error)}`);
    return false;
  } finally {
    clearTimeout(timer);
  }
}
