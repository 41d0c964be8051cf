/**
 * Writes the files that are made from declarations in src and from examples, or with --check says which of them are not current.
 * Usage: npm run docs:generate · npm run docs:check
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { renderCellsReference } from '../test/cells/page.js';
import { fillSnippets } from './fill-snippets.js';
import { renderCliReference } from './render-cli-reference.js';
import { renderConfigReference, renderConfigSchema, renderEnvExample } from './render-config-reference.js';
import { renderErrorReference } from './render-error-reference.js';
import { renderMetricsReference } from './render-metrics-reference.js';

const root = join(import.meta.dirname, '..');

/** Path from the root of the project, and the text that belongs there. One line per generated file. */
const files: Record<string, () => string | Promise<string>> = {
  'config.schema.json': renderConfigSchema,
  '.env.example': renderEnvExample,
  'docs/reference/cells.md': renderCellsReference,
  'docs/reference/cli.md': renderCliReference,
  'docs/reference/config.md': renderConfigReference,
  'docs/reference/errors.md': renderErrorReference,
  'docs/reference/metrics.md': renderMetricsReference,
  'docs/how-to/connect-clients.md': () => fillSnippets('docs/how-to/connect-clients.md'),
  'docs/how-to/write-a-module.md': () => fillSnippets('docs/how-to/write-a-module.md'),
};

function currentText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

const check = process.argv.includes('--check');
const stale: string[] = [];
for (const [name, render] of Object.entries(files)) {
  const path = join(root, name);
  const text = await render();
  if (currentText(path) === text) continue;
  stale.push(name);
  if (check) continue;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  console.log(`wrote ${name}`);
}
if (check && stale.length > 0) {
  for (const name of stale) console.error(`${name} is not current: run \`npm run docs:generate\` and commit it`);
  process.exit(1);
}
