import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { type ScenarioResult } from './judge.js';
import { revisions, type SuiteRevision, type SuiteRun } from './suite.js';

/** Known failures per target. */
export type Baseline = Readonly<Record<string, readonly KnownFailure[]>>;

/** A scenario that is known not to pass at one revision. */
export interface KnownFailure {
  readonly revision: SuiteRevision;
  readonly scenario: string;
  /** Why it cannot pass there. */
  readonly reason: string;
}

const entries = z
  .record(z.templateLiteral([z.enum(revisions), ' ', z.string().min(1)]), z.string().min(1))
  .transform((known) =>
    Object.entries(known).map(([text, reason]): KnownFailure => ({
      revision: text.slice(0, 10) as SuiteRevision,
      scenario: text.slice(11),
      reason,
    })),
  );

/** Not part of a score, and passed all the same: every scenario whose subject is served here. */
const requiredBeyondScore = new Set([
  'json-schema-2020-12',
  'http-header-validation',
  'http-custom-header-server-validation',
  'server-session-lifecycle',
  'server-sse-polling',
]);

/** Reads `expected-failures.yaml`. */
export function readBaseline(): Baseline {
  const file = readFileSync(new URL('expected-failures.yaml', import.meta.url), 'utf8');
  return z.record(z.string(), entries).parse(parse(file));
}

/** Whether a run may not be without this scenario. */
export function isRequired({ scored, scenario }: ScenarioResult): boolean {
  return scored || requiredBeyondScore.has(scenario);
}

/** What makes a run fall short: required scenarios that did not pass unexpectedly, and entries that are out of date. */
export function shortfalls(run: SuiteRun, expected: readonly KnownFailure[]): string[] {
  const listed = expected.filter(({ revision }) => revision === run.revision).map(({ scenario }) => scenario);
  const failing = run.results.filter(({ verdict }) => verdict !== 'pass');
  const surprising = failing.filter((result) => isRequired(result) && !listed.includes(result.scenario));
  const stale = listed.filter((scenario) => !failing.some((result) => result.scenario === scenario));
  return [
    ...surprising.map(({ scenario, verdict }) => `${scenario}: ${verdict}`),
    ...stale.map((scenario) => `${scenario}: passes or does not exist, remove it from the baseline`),
  ];
}
