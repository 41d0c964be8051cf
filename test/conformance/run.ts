// npm run conformance [-- --only TARGET] [--why] [--json FILE]: the official suite against every target at every
// revision that it is driven with, and a table of all scores. Exits 1 when something falls short of the baseline, 64
// on bad arguments.
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { isRequired, readBaseline, shortfalls } from './baseline.js';
import { scenarioTable, scoreTable, totalLine, type Row } from './report.js';
import { runScenarios, runSuite } from './suite.js';
import { targets, type Target } from './targets.js';

/** More would slow the scenarios with a time limit on a small machine. */
const targetsAtOnce = 2;

const { values } = parseArgs({
  options: { only: { type: 'string' }, why: { type: 'boolean', default: false }, json: { type: 'string' } },
});
const chosen = targets.filter(({ name }) => values.only === undefined || values.only === name);
if (chosen.length === 0) {
  console.error(`--only takes one of ${targets.map(({ name }) => name).join(', ')}`);
  process.exit(64);
}

const baseline = readBaseline();
const measured = new Map<Target, readonly Row[]>();
const waiting = chosen.values();
await Promise.all(
  Array.from({ length: targetsAtOnce }, async () => {
    for (const target of waiting) {
      const rows = await measure(target);
      measured.set(target, rows);
      rows.forEach(report);
    }
  }),
);
const rows = chosen.flatMap((target) => measured.get(target) ?? []);
console.log(`\n${scoreTable(rows)}`);
if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(rows, undefined, 2)}\n`);
process.exitCode = rows.every((row) => row.shortfalls.length === 0) ? 0 : 1;

async function measure(target: Target): Promise<Row[]> {
  const known = baseline[target.name] ?? [];
  const done: Row[] = [];
  let running;
  try {
    running = await target.start();
    for (const revision of target.revisions) {
      const { scenarios } = target;
      const run = await (scenarios ? runScenarios(running.url, revision, scenarios) : runSuite(running.url, revision));
      const line = totalLine(run, target, new URL(running.url).pathname);
      done.push({ target: target.name, line, shortfalls: shortfalls(run, known), run });
    }
  } catch (error) {
    const line = `0/0 not measured target=${target.name} upstream=${target.upstream}`;
    done.push({ target: target.name, line, shortfalls: [String(error)] });
  } finally {
    await running?.stop();
  }
  return done;
}

function report({ run, line, shortfalls: short }: Row): void {
  const results = run?.results ?? [];
  const shown = values.why ? results : results.filter((result) => isRequired(result) && result.verdict !== 'pass');
  if (shown.length > 0) console.log(scenarioTable(shown));
  for (const shortfall of short) console.error(`falls short: ${shortfall}`);
  console.log(line);
}
