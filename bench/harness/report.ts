import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { formatNumber, meets, type Row } from './figure.js';
import { benchFolder } from './paths.js';

/** A run as it is kept. */
export interface Report {
  readonly node: string;
  readonly quick: boolean;
  /** How the processes were pinned, and anything else that limits what the figures say. */
  readonly notes: readonly string[];
  readonly rows: readonly (Row & { readonly met: boolean })[];
}

const baselinePath = join(benchFolder, 'baseline.json');

const widths = { name: 29, value: 8, unit: 10, yardstick: 32, ratio: 8, target: 10 };

function targetText(row: Row): string {
  if (row.target === undefined) return '-';
  return `${row.target.bound === 'min' ? '>=' : '<='} ${formatNumber(row.target.limit)}`;
}

/** `name value unit yardstick ratio target met|not met`, aligned. */
export function formatRow(row: Row): string {
  const cells = [
    row.name.padEnd(widths.name),
    formatNumber(row.value).padStart(widths.value),
    row.unit.padEnd(widths.unit),
    (row.yardstick === '' ? '-' : row.yardstick).padEnd(widths.yardstick),
    (row.ratio === undefined ? '-' : formatNumber(row.ratio)).padStart(widths.ratio),
    targetText(row).padEnd(widths.target),
  ];
  const verdict = row.target === undefined ? 'for information' : meets(row) ? 'met' : 'not met';
  return `${cells.join('  ')}  ${verdict}`;
}

export function writeReport(path: string, report: Report): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(report, undefined, 2)}\n`);
}

function readBaseline(): Report | undefined {
  return existsSync(baselinePath) ? (JSON.parse(readFileSync(baselinePath, 'utf8')) as Report) : undefined;
}

/** Keeps this run as the baseline; figures that it did not measure stay as they were. */
export function recordBaseline(report: Report): void {
  const measured = new Set(report.rows.map((row) => row.name));
  const kept = readBaseline()?.rows.filter((row) => !measured.has(row.name)) ?? [];
  writeReport(baselinePath, { ...report, rows: [...kept, ...report.rows] });
}

/**
 * Rows whose ratio to its yardstick is under half of what the recorded baseline had (or over twice, where less is
 * better). Only ratios: seconds of another machine say nothing.
 */
export function regressions(rows: readonly Row[]): string[] {
  const baseline = readBaseline();
  return rows.flatMap((row) => {
    const before = baseline?.rows.find((candidate) => candidate.name === row.name)?.ratio;
    if (before === undefined || row.ratio === undefined || row.target === undefined) return [];
    const worse = row.target.bound === 'min' ? before / row.ratio : row.ratio / before;
    return worse > 2 ? [`${row.name}: ratio ${formatNumber(row.ratio)}, baseline ${formatNumber(before)}`] : [];
  });
}
