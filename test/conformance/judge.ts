import { z } from 'zod';

/** One check of a scenario, as the suite writes it. */
export const checkSchema = z.object({
  id: z.string(),
  status: z.enum(['SUCCESS', 'FAILURE', 'WARNING', 'SKIPPED', 'INFO']),
  errorMessage: z.string().optional(),
});
export type Check = z.infer<typeof checkSchema>;

/**
 * - `pass`: nothing failed, and something of the scenario's own succeeded.
 * - `fail`: a check failed.
 * - `vacuous`: nothing failed because nothing was tested. The suite shows it green; it is not a pass.
 * - `no-result`: the scenario wrote no checks: it crashed or ran out of time. Not a pass.
 */
export type Verdict = 'pass' | 'fail' | 'vacuous' | 'no-result';

/** A scenario and what became of it. */
export interface ScenarioResult {
  readonly scenario: string;
  /** Whether it counts for the revision. */
  readonly scored: boolean;
  readonly verdict: Verdict;
  readonly succeeded: number;
  readonly failed: number;
  readonly warned: number;
  /** The failing or warning checks with the first message; empty when there is none. */
  readonly why: string;
}

/** Judges one scenario more strictly than the suite does. */
export function judge(scenario: string, scored: boolean, checks: readonly Check[] | undefined): ScenarioResult {
  if (checks === undefined) {
    return { scenario, scored, verdict: 'no-result', succeeded: 0, failed: 0, warned: 0, why: 'no checks written' };
  }
  const having = (status: Check['status']) => checks.filter((check) => check.status === status);
  const [succeeded, failed, warned] = [having('SUCCESS'), having('FAILURE'), having('WARNING')];
  // Every scenario also validates its traffic against the schema, which an error answer satisfies as well.
  const own = succeeded.filter((check) => !check.id.startsWith('wire-schema-'));
  return {
    scenario,
    scored,
    verdict: failed.length > 0 ? 'fail' : own.length === 0 ? 'vacuous' : 'pass',
    succeeded: succeeded.length,
    failed: failed.length,
    warned: warned.length,
    why: explain(failed.length > 0 ? failed : warned),
  };
}

function explain(checks: readonly Check[]): string {
  const [first] = checks;
  if (!first) return '';
  const ids = [...new Set(checks.map((check) => check.id))].join(', ');
  return `${ids}: ${(first.errorMessage ?? '').replaceAll(/\s+/g, ' ').slice(0, 200)}`;
}
