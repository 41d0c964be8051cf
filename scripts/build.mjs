// npm run build: the program and its doors as a few bundles in dist/, beside the declarations that tsc wrote.
// Why bundles: docs/decisions/0007-bundled-build.md.
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const out = 'dist';
rmSync(join(out, 'chunks'), { recursive: true, force: true });
const { metafile } = await build({
  entryPoints: {
    'app/cli/main': 'src/app/cli/main.ts',
    index: 'src/index.ts',
    module: 'src/module.ts',
    testing: 'src/testing.ts',
  },
  outdir: out,
  bundle: true,
  splitting: true,
  chunkNames: 'chunks/[name]-[hash]',
  format: 'esm',
  platform: 'node',
  target: 'node20',
  conditions: ['seaworthy-source'],
  // A native addon cannot be bundled; pg and ioredis are only loaded where they are used.
  external: ['better-sqlite3', 'ioredis', 'pg'],
  sourcemap: true,
  metafile: true,
  // CommonJS packages inside the bundles call require() for Node's own modules.
  banner: {
    js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
  },
  logLevel: 'warning',
});
chmodSync(join(out, 'app/cli/main.js'), 0o755);
writeFileSync(join(out, 'THIRD-PARTY-NOTICES.txt'), notices(bundledPackages(Object.keys(metafile.inputs))));

/** Folders of the packages that have a file in the bundles. */
function bundledPackages(inputs) {
  const folders = inputs.map((file) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1]);
  return [...new Set(folders)].filter((folder) => folder !== undefined).sort();
}

function notices(folders) {
  const sections = folders.map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    const text = file !== undefined && existsSync(join(folder, file)) ? readFileSync(join(folder, file), 'utf8') : '';
    return `${name} ${version} (${license})\n\n${text.trim()}`;
  });
  return `The bundles in this folder contain code of these packages.\n\n${sections.join('\n\n----\n\n')}\n`;
}
