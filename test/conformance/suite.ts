import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';
import { checkSchema, judge, type Check, type ScenarioResult } from './judge.js';

/** The revisions that the suite knows and that are measured here, oldest first. */
export const revisions = ['2025-06-18', '2025-11-25', '2026-07-28'] as const;
export type SuiteRevision = (typeof revisions)[number];

/** Every scenario of one revision against one address. */
export interface SuiteRun {
  readonly revision: SuiteRevision;
  /** `requirements`: the frozen set of the revision. `applicable`: it has none, so whatever applies to it. `chosen`: by name. */
  readonly set: 'requirements' | 'applicable' | 'chosen';
  readonly results: readonly ScenarioResult[];
  readonly elapsedMs: number;
}

const packageDirectory = dirname(fileURLToPath(import.meta.resolve('@modelcontextprotocol/conformance/package.json')));
const program = join(packageDirectory, 'dist', 'index.js');
const scenarioTimeoutMs = 30_000;
const suiteTimeoutMs = 600_000;

/**
 * Runs the official suite, server side, at one revision.
 * @throws Error when nothing answers at the address: some scenarios would pass against a closed port.
 */
export async function runSuite(url: string, revision: SuiteRevision): Promise<SuiteRun> {
  const requirements = await readRequirements(revision);
  const selection = requirements ? ['--requirements', revision] : ['--suite', 'all', '--spec-version', revision];
  const { server, unscored } = requirements ?? { server: await applicableScenarios(revision), unscored: [] };
  const set = requirements ? 'requirements' : 'applicable';
  return measure(url, revision, set, server, unscored, [selection]);
}

/** Runs scenarios by name, also those of extensions, which belong to no revision. @throws Error like `runSuite` */
export function runScenarios(url: string, revision: SuiteRevision, scenarios: readonly string[]): Promise<SuiteRun> {
  const selections = scenarios.map((name) => ['--scenario', name, '--spec-version', revision, '--force']);
  return measure(url, revision, 'chosen', scenarios, [], selections);
}

async function measure(
  url: string,
  revision: SuiteRevision,
  set: SuiteRun['set'],
  scored: readonly string[],
  unscored: readonly string[],
  selections: readonly string[][],
): Promise<SuiteRun> {
  await refuseUnreachable(url);
  const output = await mkdtemp(join(tmpdir(), 'conformance-'));
  try {
    const started = performance.now();
    for (const selection of selections)
      await conformance('server', '--url', url, ...selection, '--timeout', String(scenarioTimeoutMs), '-o', output);
    const elapsedMs = Math.round(performance.now() - started);
    const checks = await readChecks(output);
    const results = [
      ...scored.map((scenario) => judge(scenario, true, checks.get(scenario))),
      ...unscored.map((scenario) => judge(scenario, false, checks.get(scenario))),
    ];
    return { revision, set, results, elapsedMs };
  } finally {
    await rm(output, { recursive: true, force: true });
  }
}

async function refuseUnreachable(url: string): Promise<void> {
  try {
    const headers = { 'content-type': 'application/json' };
    await fetch(url, { method: 'POST', headers, body: '{}', signal: AbortSignal.timeout(10_000) });
  } catch (error) {
    throw new Error(`unreachable: ${url}`, { cause: error });
  }
}

/** The scenarios that count for a revision and those that run without counting; undefined when it has no frozen set. */
async function readRequirements(revision: SuiteRevision) {
  const file = join(packageDirectory, 'requirements', `${revision}.yaml`);
  if (!existsSync(file)) return undefined;
  const shape = z.object({
    server: z.array(z.string()),
    not_scored: z.array(z.object({ scenario: z.string(), leg: z.string() })).default([]),
  });
  const { server, not_scored } = shape.parse(parse(await readFile(file, 'utf8')));
  return { server, unscored: not_scored.filter(({ leg }) => leg === 'server').map(({ scenario }) => scenario) };
}

async function applicableScenarios(revision: SuiteRevision): Promise<string[]> {
  const list = await conformance('list', '--server', '--spec-version', revision);
  return [...list.matchAll(/^\s+-\s+(\S+)/gm)].map(([, scenario]) => scenario ?? '');
}

/** Runs the suite and returns its output. Its exit code is not used: it is laxer than the judgement here. */
function conformance(...args: string[]): Promise<string> {
  const loaders = [import.meta.resolve('tsx'), import.meta.resolve('./glob-stand-in.ts')];
  const command = [...loaders.flatMap((loader) => ['--import', loader]), program, ...args];
  const options = { timeout: suiteTimeoutMs, killSignal: 'SIGKILL', maxBuffer: 256 * 1024 * 1024 } as const;
  return new Promise((resolve, reject) => {
    execFile(process.execPath, command, options, (error, stdout, stderr) => {
      const ran = error === null || typeof error.code === 'number';
      if (ran) resolve(stdout);
      else reject(new Error(`the conformance suite did not finish: ${error.message}\n${stderr}`));
    });
  });
}

/** Each scenario writes `server-NAME-TIMESTAMP/checks.json`. */
async function readChecks(output: string): Promise<Map<string, Check[]>> {
  const found = new Map<string, Check[]>();
  for (const directory of await readdir(output)) {
    const scenario = /^server-(.+)-\d{4}-\d\d-\d\dT[\d-]+Z$/.exec(directory)?.[1];
    const file = join(output, directory, 'checks.json');
    if (scenario === undefined || !existsSync(file)) continue;
    found.set(scenario, z.array(checkSchema).parse(JSON.parse(await readFile(file, 'utf8'))));
  }
  return found;
}
