import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const folder = join(import.meta.dirname, '../docs/reference');
const page = readFileSync(join(folder, 'mission.md'), 'utf8');
const rows = [...page.matchAll(/^\| ([SDPWT]-?\d+) \| (.+?) \| (.+) \|$/gm)].map(
  ([, id = '', what = '', proof = '']) => ({
    id,
    what,
    proof,
  }),
);

/** Rows of each letter. */
const counts = { S: 74, D: 58, P: 42, W: 74, T: 75 };

it('lists every row once, in order', () => {
  const expected = Object.entries(counts).flatMap(([letter, count]) =>
    Array.from({ length: count }, (_, i) => `${letter}${i + 1}`),
  );
  expect(rows.map(({ id }) => id.replace(/-0?/, ''))).toEqual(expected);
});

it('names a proof that exists, or says that there is none', () => {
  for (const { id, proof } of rows) {
    if (proof === 'planned' || proof === 'not asked for') continue;
    const links = [...proof.matchAll(/\[[^\]]+\]\(([^)]+)\)/g)].map(([, target = '']) => target);
    expect(links, id).not.toHaveLength(0);
    for (const target of links) expect(existsSync(join(folder, target)), `${id}: ${target}`).toBe(true);
  }
});
