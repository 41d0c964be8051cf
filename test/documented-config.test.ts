import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadConfig } from '#kernel/config/index.js';
import { rootConfig } from '../src/app/config.js';

const root = join(import.meta.dirname, '..');
const pages = [
  'README.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md') && !name.startsWith('decisions'))
    .map((name) => join('docs', name)),
];

const samples = pages.flatMap((page) =>
  [...readFileSync(join(root, page), 'utf8').matchAll(/^```(yaml|json)\n([\s\S]*?)^```$/gm)]
    .map(([, language, text = ''], i) => ({ name: `${page}, ${language} block ${i + 1}`, language, text }))
    // Other JSON on a page is a message or a client's own file.
    .filter(({ language, text }) => language === 'yaml' || text.includes('"command"')),
);

const examples = join(root, 'examples/config');
for (const name of readdirSync(examples))
  samples.push({ name: `examples/config/${name}`, language: 'yaml', text: readFileSync(join(examples, name), 'utf8') });

it('finds the samples of the README', () => {
  expect(samples.length).toBeGreaterThan(2);
});

it.each(samples)('$name is a configuration that loads', ({ text }) => {
  expect(loadConfig(rootConfig, { text, environment: {} }).config.server.port).toBe(53_000);
});
