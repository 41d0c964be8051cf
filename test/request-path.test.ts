import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { stages } from '#gateway/pipeline/index.js';
import { declaredErrors } from '#kernel/errors/index.js';

const page = readFileSync(join(import.meta.dirname, '../docs/explanation/request-path.md'), 'utf8');

it('draws the stages of the pipeline in their order', () => {
  const drawn = [...page.matchAll(/^│ {2}(\w+) {2,}/gm)].map(([, step]) => step);
  expect(drawn.filter((step) => (stages as readonly unknown[]).includes(step))).toEqual([...stages]);
  const rows = [...page.matchAll(/^\| (\w+) +\|/gm)].map(([, step]) => step).filter((step) => step !== 'step');
  expect(rows).toEqual(drawn);
});

it('names only codes that are declared', () => {
  const named = new Set(page.match(/SW_[A-Z_]+/g));
  expect([...named].filter((code) => !declaredErrors().has(code))).toEqual([]);
});
