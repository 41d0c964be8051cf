import { type ScenarioResult } from './judge.js';
import { revisions, type SuiteRun } from './suite.js';
import { type Target } from './targets.js';

/** What became of one target at one revision; without `run` it could not be measured. */
export interface Row {
  readonly target: string;
  readonly line: string;
  readonly shortfalls: readonly string[];
  readonly run?: SuiteRun;
}

/** Targets by revisions: scored scenarios that passed, `!` where that falls short of the baseline. */
export function scoreTable(rows: readonly Row[]): string {
  const names = [...new Set(rows.map(({ target }) => target))];
  const width = Math.max(...names.map((name) => name.length));
  const cell = (name: string, revision: string) => {
    const own = rows.filter(({ target }) => target === name);
    const row = own.find(({ run }) => run?.revision === revision);
    if (row?.run) return `${scoreOf(row.run)}${row.shortfalls.length > 0 ? ' !' : ''}`;
    return own.some(({ run }) => !run) ? '!' : '-';
  };
  const line = (name: string, cells: readonly string[]) =>
    [name.padEnd(width), ...cells.map((text) => text.padEnd(10))].join('  ').trimEnd();
  return [
    line('target', revisions),
    ...names.map((name) =>
      line(
        name,
        revisions.map((revision) => cell(name, revision)),
      ),
    ),
  ].join('\n');
}

/** One line per scenario; the reason follows where something did not succeed. */
export function scenarioTable(results: readonly ScenarioResult[]): string {
  const width = Math.max(...results.map(({ scenario }) => scenario.length));
  const line = (result: ScenarioResult) => {
    const { verdict, scenario, succeeded, failed, warned, scored, why } = result;
    const counts = `${pad(succeeded)} ok ${pad(failed)} fail ${pad(warned)} warn`;
    return `${verdict.padEnd(9)} ${scenario.padEnd(width)} ${counts}${scored ? '' : '  (not scored)'}  ${why}`.trimEnd();
  };
  return results.map(line).join('\n');
}

/** The one line that sums a run up, the same words for every target, path and revision. */
export function totalLine(run: SuiteRun, target: Pick<Target, 'name' | 'upstream'>, path: string): string {
  const scored = run.results.filter((result) => result.scored);
  const unscored = run.results.filter((result) => !result.scored);
  const vacuous = scored.filter(({ verdict }) => verdict === 'vacuous').length;
  const sum = (count: 'succeeded' | 'failed') => scored.reduce((total, result) => total + result[count], 0);
  return [
    scoreOf(run),
    `spec=${run.revision}`,
    `set=${run.set}`,
    `checks=${sum('succeeded')}ok/${sum('failed')}fail`,
    ...(unscored.length > 0 ? [`not-scored=${passed(unscored)}/${unscored.length}`] : []),
    ...(vacuous > 0 ? [`vacuous=${vacuous}`] : []),
    `time=${run.elapsedMs}ms`,
    `target=${target.name}`,
    `path=${path}`,
    `upstream=${target.upstream}`,
  ].join(' ');
}

function scoreOf({ results }: SuiteRun): string {
  const scored = results.filter((result) => result.scored);
  return `${passed(scored)}/${scored.length}`;
}

const passed = (results: readonly ScenarioResult[]) => results.filter(({ verdict }) => verdict === 'pass').length;
const pad = (count: number) => String(count).padStart(3);
