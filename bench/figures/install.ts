import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { valueRow, type Figure } from '../harness/figure.js';
import { projectRoot } from '../harness/paths.js';

function run(command: string, args: readonly string[], cwd: string): string {
  const done = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`${command} ${args.join(' ')}: ${done.stderr.slice(-1000)}`);
  return done.stdout;
}

/** Size of the tree that `npm ci --omit=dev` makes from the lock file. Needs the package registry. */
const size: Figure = {
  name: 'install.size',
  fullOnly: true,
  measure() {
    const folder = mkdtempSync(join(tmpdir(), 'seaworthy-install-'));
    try {
      for (const file of ['package.json', 'package-lock.json']) cpSync(join(projectRoot, file), join(folder, file));
      const begun = performance.now();
      run('npm', ['ci', '--omit=dev', '--no-audit', '--no-fund'], folder);
      const seconds = (performance.now() - begun) / 1000;
      const kibibytes = Number(run('du', ['-sk', 'node_modules'], folder).split('\t')[0]);
      const row = valueRow({
        name: 'install.size',
        value: (kibibytes * 1024) / 1e6,
        unit: 'MB',
        target: { bound: 'max', limit: 150 },
        details: { seconds },
      });
      return Promise.resolve([row]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

export const installFigures: readonly Figure[] = [size];
