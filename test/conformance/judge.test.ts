import { describe, expect, it } from 'vitest';
import { readBaseline, shortfalls } from './baseline.js';
import { judge, type Check } from './judge.js';
import { scoreTable, totalLine } from './report.js';
import { type SuiteRevision, type SuiteRun } from './suite.js';

const check = (id: string, status: Check['status'], errorMessage?: string): Check => ({
  id,
  status,
  ...(errorMessage !== undefined && { errorMessage }),
});

describe('judge', () => {
  it.each([
    ['pass', [check('own', 'SUCCESS'), check('other', 'WARNING')]],
    ['fail', [check('own', 'SUCCESS'), check('other', 'FAILURE')]],
    ['fail', [check('own', 'SUCCESS'), check('wire-schema-valid', 'FAILURE')]],
    ['vacuous', [check('wire-schema-valid', 'SUCCESS')]],
    ['vacuous', [check('own', 'INFO'), check('other', 'SKIPPED'), check('third', 'WARNING')]],
    ['vacuous', []],
    ['no-result', undefined],
  ] as const)('%s', (verdict, checks) => {
    expect(judge('scenario', true, checks).verdict).toBe(verdict);
  });

  it('names the failing checks once and quotes the first message on one line', () => {
    const { why } = judge('scenario', true, [check('a', 'FAILURE', 'two\n  lines'), check('a', 'FAILURE', 'more')]);
    expect(why).toBe('a: two lines');
  });
});

const run: SuiteRun = {
  revision: '2026-07-28',
  set: 'requirements',
  elapsedMs: 12,
  results: [
    judge('caching', true, [check('ttl', 'SUCCESS'), check('wire-schema-valid', 'SUCCESS')]),
    judge('ping', true, [check('ping', 'FAILURE')]),
    judge('empty', true, []),
    judge('tasks-lifecycle', false, [check('task', 'FAILURE')]),
    judge('http-header-validation', false, []),
  ],
};

const known = (revision: SuiteRevision, scenario: string) => ({ revision, scenario, reason: 'a test' });

describe('the baseline', () => {
  it('lets pass what it lists, and reports every other required scenario', () => {
    expect(shortfalls(run, [])).toEqual(['ping: fail', 'empty: vacuous', 'http-header-validation: vacuous']);
    expect(shortfalls(run, [known('2026-07-28', 'ping')])).not.toContain('ping: fail');
    expect(shortfalls(run, [known('2025-11-25', 'ping')])).toContain('ping: fail');
  });

  it.each(['caching', 'no-such-scenario'])('reports a stale entry: %s', (scenario) => {
    expect(shortfalls(run, [known('2026-07-28', scenario)]).at(-1)).toMatch(`${scenario}: passes or`);
  });

  it('is readable', () => {
    expect(readBaseline()['legacy-only-http']).toHaveLength(2);
  });
});

it('sums a run up in one line', () => {
  expect(totalLine(run, { name: 'module', upstream: 'none' }, '/mcp/conformance')).toBe(
    '1/3 spec=2026-07-28 set=requirements checks=2ok/1fail not-scored=0/2 vacuous=1 time=12ms ' +
      'target=module path=/mcp/conformance upstream=none',
  );
});

it('shows targets by revisions, and what falls short', () => {
  const row = { target: 'module', line: '', shortfalls: [], run };
  const short = {
    target: 'gateway',
    line: '',
    shortfalls: ['ping: fail'],
    run: { ...run, revision: '2025-11-25' },
  } as const;
  expect(scoreTable([row, short, { target: 'unreachable', line: '', shortfalls: ['no'] }]).split('\n')).toEqual([
    'target       2025-06-18  2025-11-25  2026-07-28',
    'module       -           -           1/3',
    'gateway      -           1/3 !       -',
    'unreachable  !           !           !',
  ]);
});
