import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');
const config = join(root, '.dependency-cruiser.mjs');
const program = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');

/** One file per rule, and the import in it that the rule must refuse. */
const violations: Record<string, readonly [file: string, imports: string]> = {
  'kernel-looks-down': ['src/kernel/up/index.ts', '#protocol/wire/index.js'],
  'protocol-looks-down': ['src/protocol/up/index.ts', '#gateway/path/index.js'],
  'gateway-looks-down': ['src/gateway/up/index.ts', '#modules/one/index.js'],
  'modules-looks-down': ['src/modules/up/index.ts', '#app/serve/index.js'],
  'modules-are-islands': ['src/modules/sideways/index.ts', '#modules/one/index.js'],
  'use-the-front-door': ['src/gateway/back/index.ts', '#kernel/base/inside.js'],
  'doors-use-the-front-door': ['src/index.ts', './kernel/base/inside.js'],
  'nobody-imports-a-door': ['src/app/back/index.ts', '../../module.js'],
  'no-cycles': ['src/kernel/circle/index.ts', './other.js'],
  'processes-are-rare': ['src/gateway/spawn/index.ts', 'node:child_process'],
  'console-sees-the-contract': ['console/deep.ts', '../src/kernel/base/index.js'],
  'console-shares-types-only': ['console/values.ts', '../src/app/admin/contract.js'],
  'src-stands-alone': ['src/app/borrows/index.ts', '../../../test/support.js'],
  'only-shipped-packages': ['src/app/tools/index.ts', 'a-dev-tool'],
  'everything-resolves': ['src/app/lost/index.ts', './nowhere.js'],
};

/** What the violations reach for: a tree that keeps every rule. */
const base: Record<string, string> = {
  'src/kernel/base/index.ts': "export { inside } from './inside.js';",
  'src/kernel/base/inside.ts': 'export const inside = 1;',
  'src/protocol/wire/index.ts': "export { inside as wire } from '#kernel/base/index.js';",
  'src/gateway/path/index.ts': "export { wire as path } from '#protocol/wire/index.js';",
  'src/gateway/upstreams/index.ts': "export { spawn } from 'node:child_process';",
  'src/modules/one/index.ts': "export { path as one } from '#gateway/path/index.js';",
  'src/app/serve/index.ts': "export { one as serve } from '#modules/one/index.js';",
  'src/app/admin/contract.ts': 'export const contract = 1;',
  'src/module.ts': "export { inside } from './kernel/base/index.js';",
  'test/support.ts': 'export const support = 1;',
  'console/types.ts':
    "import type { contract } from '../src/app/admin/contract.js';\nexport type Contract = typeof contract;",
};

interface Violation {
  readonly from: string;
  readonly rule: { readonly name: string };
}

let tree: string;

function write(files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(tree, name)), { recursive: true });
    writeFileSync(join(tree, name), `${text}\n`);
  }
}

function violationsIn(folder: string, ...paths: string[]): Violation[] {
  const args = [program, '--config', config, '--output-type', 'json', ...paths];
  const output = execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8', maxBuffer: 1 << 28 });
  return (JSON.parse(output) as { summary: { violations: Violation[] } }).summary.violations;
}

beforeAll(() => {
  tree = mkdtempSync(join(tmpdir(), 'layers-'));
  write({
    'package.json': JSON.stringify({
      type: 'module',
      imports: { '#*': { 'seaworthy-source': './src/*' } },
      devDependencies: { 'a-dev-tool': '1.0.0' },
    }),
    'tsconfig.json': JSON.stringify({
      compilerOptions: { module: 'NodeNext', customConditions: ['seaworthy-source'] },
    }),
    'node_modules/a-dev-tool/package.json': JSON.stringify({ name: 'a-dev-tool', version: '1.0.0', main: 'main.js' }),
    'node_modules/a-dev-tool/main.js': 'module.exports = {};',
    ...base,
  });
});
afterAll(() => {
  rmSync(tree, { recursive: true, force: true });
});

describe('the layer rules', () => {
  it('accept a tree that keeps them', () => {
    expect(violationsIn(tree, 'src', 'console', 'test')).toEqual([]);
  });

  it('each refuse the import they are there for', async () => {
    const { default: rules } = (await import(config)) as { default: { forbidden: { name: string }[] } };
    expect(Object.keys(violations).sort()).toEqual(rules.forbidden.map(({ name }) => name).sort());

    for (const [file, imports] of Object.values(violations)) write({ [file]: `export * from '${imports}';` });
    write({ 'src/kernel/circle/other.ts': "export * from './index.js';" });
    const found = violationsIn(tree, 'src', 'console', 'test');
    for (const [name, [file]] of Object.entries(violations))
      expect(found.filter((violation) => violation.from === file).map(({ rule }) => rule.name)).toContain(name);
  });
});
