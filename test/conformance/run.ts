// npm run conformance [-- --only TARGET] [--why] [--json FILE]: the official suite against every target at every
// revision, one total line each. Exits 1 when something falls short of the baseline, 64 on bad arguments.
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { isRequired, readBaseline, shortfalls } from './baseline.js';
import { scenarioTable, totalLine } from './report.js';
import { revisions, runSuite, type SuiteRun } from './suite.js';
import { targets, type Target } from './targets.js';

interface Row {
  readonly target: string;
  readonly line: string;
  readonly shortfalls: readonly string[];
  readonly run?: SuiteRun;
}

const { values } = parseArgs({
  options: { only: { type: 'string' }, why: { type: 'boolean', default: false }, json: { type: 'string' } },
});
const chosen = targets.filter(({ name }) => values.only === undefined || values.only === name);
if (chosen.length === 0) {
  console.error(`--only takes one of ${targets.map(({ name }) => name).join(', ')}`);
  process.exit(64);
}

const baseline = readBaseline();
const rows: Row[] = [];
for (const target of chosen) rows.push(...(await measure(target)));
if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(rows, undefined, 2)}\n`);
process.exitCode = rows.every((row) => row.shortfalls.length === 0) ? 0 : 1;

async function measure(target: Target): Promise<Row[]> {
  const measured: Row[] = [];
  const running = await target.start().catch((error: unknown) => String(error));
  if (typeof running === 'string')
    return [report({ target: target.name, line: unmeasured(target), shortfalls: [running] })];
  try {
    for (const revision of revisions) {
      const run = await runSuite(running.url, revision);
      const line = totalLine(run, target, new URL(running.url).pathname);
      measured.push(
        report({ target: target.name, line, shortfalls: shortfalls(run, baseline[target.name] ?? []), run }),
      );
    }
  } catch (error) {
    measured.push(report({ target: target.name, line: unmeasured(target), shortfalls: [String(error)] }));
  } finally {
    await running.stop();
  }
  return measured;
}

function report(row: Row): Row {
  const results = row.run?.results ?? [];
  const shown = values.why ? results : results.filter((result) => isRequired(result) && result.verdict !== 'pass');
  if (shown.length > 0) console.log(scenarioTable(shown));
  for (const shortfall of row.shortfalls) console.error(`falls short: ${shortfall}`);
  console.log(row.line);
  return row;
}

function unmeasured({ name, upstream }: Target): string {
  return `0/0 not measured target=${name} upstream=${upstream}`;
}
