// npm run bench [-- NAME] [--quick] [--full] [--profile] [--record] [--json FILE]
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { figures } from './figures/index.js';
import { Bench } from './harness/bench.js';
import { chooseCores } from './harness/cores.js';
import { meets, type Figure, type Row } from './harness/figure.js';
import { benchFolder } from './harness/paths.js';
import { Profiling } from './harness/profile.js';
import { formatRow, recordBaseline, regressions, writeReport } from './harness/report.js';
import { ensureBuilt } from './harness/seaworthy.js';

const resultsFolder = join(benchFolder, 'results');

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    record: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function selected(): Figure[] {
  if (positionals.length === 0) return figures.filter((figure) => options.full || figure.fullOnly !== true);
  return figures.filter((figure) => positionals.some((name) => figure.name.startsWith(name)));
}

async function measureAll(bench: Bench, chosen: readonly Figure[]): Promise<Row[]> {
  const rows: Row[] = [];
  for (const figure of chosen) {
    const known = bench.faults.length;
    try {
      const measured = await figure.measure(bench);
      for (const row of measured) say(formatRow(row));
      rows.push(...measured);
    } catch (error) {
      bench.faults.push(error instanceof Error ? error.message : String(error));
    } finally {
      const faults = bench.faults.splice(known);
      bench.faults.push(...faults.map((fault) => `${figure.name}: ${fault}`));
      for (const line of (await profiling?.take(resultsFolder, figure.name)) ?? []) say(line);
      await bench.clear();
    }
  }
  return rows;
}

const chosen = selected();
if (chosen.length === 0) {
  say(`no such figure: ${positionals.join(' ')}; there are ${figures.map((figure) => figure.name).join(', ')}`);
  process.exit(2);
}
ensureBuilt();
mkdirSync(resultsFolder, { recursive: true });
const cores = chooseCores();
const notes = cores.note === undefined ? [] : [cores.note];
for (const note of notes) say(note);
const profiling = options.profile ? new Profiling() : undefined;
const bench = new Bench({ quick: options.quick, full: options.full, cores, profiling });
const rows = await measureAll(bench, chosen);
await bench.stop();

const report = {
  node: process.version,
  quick: options.quick,
  notes: [...notes, ...bench.faults],
  rows: rows.map((row) => ({ ...row, met: meets(row) })),
};
writeReport(options.json ?? join(resultsFolder, 'latest.local.json'), report);
if (options.record) recordBaseline(report);

// Short rounds on a shared machine scatter: they prove right answers and no collapse against the baseline, not targets.
const missed = options.quick ? [] : rows.filter((row) => !meets(row));
for (const fault of bench.faults) say(`wrong: ${fault}`);
for (const regression of regressions(rows)) say(`far under the baseline: ${regression}`);
if (bench.faults.length > 0 || missed.length > 0 || regressions(rows).length > 0) process.exitCode = 1;
