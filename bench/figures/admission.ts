import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { ratioRow, valueRow, type Figure } from '../harness/figure.js';
import { projectRoot } from '../harness/paths.js';

interface Rights {
  admit(subject: object, facts: object): { readonly allowed: boolean };
}
type CompilePolicy = (rules: readonly object[]) => { rightsOf(principal: object): Rights };

const principals = 1000;
const providers = 20;
const decisions = 200_000;

/** The policy alone, bundled from its source: the server's own bundle does not show it. */
async function loadPolicy(): Promise<CompilePolicy> {
  const outfile = join(projectRoot, '.cache/bench/policy.mjs');
  await build({
    entryPoints: [join(projectRoot, 'src/gateway/policy/index.ts')],
    ...{ outfile, bundle: true, platform: 'node', format: 'esm', packages: 'external' },
    conditions: ['seaworthy-source'],
  });
  const { compilePolicy } = (await import(pathToFileURL(outfile).href)) as { compilePolicy: CompilePolicy };
  return compilePolicy;
}

/** Spreads numbers that follow each other. */
const mixed = (index: number): number => Math.imul(index + 1, 2_654_435_761) >>> 12;

/** Names, globs, denials and conditions in turn, over as many roles as there are principals at most. */
function ruleOf(index: number, roles: number): object {
  const role = `role${String(index % roles)}`;
  const provider = `p${String(mixed(index) % providers)}`;
  const shape = (index + Math.floor(index / roles)) % 10;
  if (shape === 0) return { role, allow: [], deny: [`${provider}:tools/delete_*`] };
  if (shape === 1) return { role, allow: [`${provider}:tools/write_*`], when: 'args.path.startsWith("/srv/")' };
  return { role, allow: [shape % 2 === 0 ? `${provider}:tool${String(shape)}` : `${provider}:read_*`] };
}

interface Timed {
  readonly p50: number;
  readonly p99: number;
  readonly allowed: number;
  /** Mean of the first decision of a principal, for which its rights are put together. */
  readonly first: number;
}

/** Microseconds of single decisions of principals that came before, the look-up of their rights included. */
function timeDecisions(compilePolicy: CompilePolicy, rules: number): Timed {
  const roles = Math.min(principals, rules);
  const policy = compilePolicy(Array.from({ length: rules }, (_, index) => ruleOf(index, roles)));
  const callers = Array.from({ length: principals }, (_, index) => ({
    ...{ id: `key:${String(index)}`, kind: 'key', name: 'bench' },
    roles: [`role${String(index % roles)}`, `role${String((index * 7) % roles)}`],
  }));
  const names = ['tool2', 'tool4', 'read_file', 'write_file', 'delete_file', 'other'];
  const facts = { args: { path: '/srv/a' } };
  const started = performance.now();
  for (const caller of callers) policy.rightsOf(caller);
  const first = ((performance.now() - started) * 1000) / principals;
  const micros = new Float64Array(decisions);
  let allowed = 0;
  for (let index = 0; index < decisions; index += 1) {
    const name = names[mixed(index) % names.length] ?? '';
    const subject = { provider: `p${String(mixed(index * 3) % providers)}`, kind: 'tool', name };
    const caller = callers[mixed(index * 7) % principals] ?? {};
    const begun = performance.now();
    if (policy.rightsOf(caller).admit(subject, facts).allowed) allowed += 1;
    micros[index] = (performance.now() - begun) * 1000;
  }
  micros.sort();
  return { p50: micros[decisions / 2] ?? 0, p99: micros[Math.floor(decisions * 0.99)] ?? 0, allowed, first };
}

const admission: Figure = {
  name: 'admission',
  async measure(bench) {
    const compilePolicy = await loadPolicy();
    timeDecisions(compilePolicy, 100);
    const few = timeDecisions(compilePolicy, 100);
    const many = timeDecisions(compilePolicy, 10_000);
    if (many.allowed === 0 || many.allowed === decisions) bench.faults.push('the rules of the bench decide nothing');
    const details = { p50: many.p50, allowed: many.allowed, first: many.first };
    const name = 'admission.p99';
    return [
      valueRow({ name, value: many.p99, unit: 'µs', target: { bound: 'max', limit: 50 }, details }),
      ratioRow({
        ...{ name: 'admission.growth', value: many.p99, unit: 'µs', against: few.p99 },
        yardstick: '100 rules',
        target: { bound: 'max', limit: 2 },
      }),
    ];
  },
};

export const admissionFigures: readonly Figure[] = [admission];
