import type { Bench } from './bench.js';

/** What a row is held to: its ratio or its value, from below or from above. */
export interface Target {
  readonly of: 'ratio' | 'value';
  readonly bound: 'min' | 'max';
  readonly limit: number;
}

/** One line of the report. */
export interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What it is compared with and that one's own figure; empty when the target is absolute. */
  readonly yardstick: string;
  readonly ratio: number | undefined;
  /** Undefined: for information. */
  readonly target: Target | undefined;
  /** Whatever helps to read the value; JSON only. */
  readonly details: Readonly<Record<string, number | string>>;
}

/** One or more rows that are measured together. */
export interface Figure {
  /** Selected by this name or by a prefix of it. */
  readonly name: string;
  /** Only with `--full`. */
  readonly fullOnly?: boolean;
  measure(bench: Bench): Promise<Row[]>;
}

/** The number that the target is about. */
export function judged(row: Row): number | undefined {
  return row.target?.of === 'ratio' ? row.ratio : row.value;
}

/** True when the row meets its target, or has none. */
export function meets(row: Row): boolean {
  const seen = judged(row);
  if (row.target === undefined || seen === undefined) return true;
  const { bound, limit } = row.target;
  return bound === 'min' ? seen >= limit : seen <= limit;
}

/** A row about a ratio to a yardstick. */
export function ratioRow(row: {
  name: string;
  value: number;
  unit: string;
  yardstick: string;
  against: number;
  target: Omit<Target, 'of'>;
  details?: Row['details'];
}): Row {
  return {
    name: row.name,
    value: row.value,
    unit: row.unit,
    yardstick: `${row.yardstick} ${formatNumber(row.against)}`,
    ratio: row.against > 0 ? row.value / row.against : 0,
    target: { of: 'ratio', ...row.target },
    details: row.details ?? {},
  };
}

/** A row with an absolute target. */
export function valueRow(row: {
  name: string;
  value: number;
  unit: string;
  target: Omit<Target, 'of'> | undefined;
  yardstick?: string;
  details?: Row['details'];
}): Row {
  return {
    name: row.name,
    value: row.value,
    unit: row.unit,
    yardstick: row.yardstick ?? '',
    ratio: undefined,
    target: row.target === undefined ? undefined : { of: 'value', ...row.target },
    details: row.details ?? {},
  };
}

/** Three significant digits, whole numbers from 100 on. */
export function formatNumber(value: number): string {
  if (Math.abs(value) >= 100) return String(Math.round(value));
  return String(Number(value.toPrecision(3)));
}
