import { mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { watchFile, type FileWatch } from './index.js';

let folder = '';
let watch: FileWatch | undefined;
let changes = 0;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seaworthy-watch-'));
  changes = 0;
});
afterEach(async () => {
  await watch?.close();
  await rm(folder, { recursive: true });
});

const start = async (file: string): Promise<void> => {
  watch = await watchFile(file, () => (changes += 1), { debounceMs: 20 });
};
const seen = (count: number): Promise<void> => expect.poll(() => changes, { timeout: 5_000 }).toBe(count);

describe('a watched file', () => {
  it('is seen to change in place, by replacement, and after it was away', async () => {
    const file = join(folder, 'seaworthy.yaml');
    await writeFile(file, '1');
    await start(file);
    await writeFile(file, '2');
    await seen(1);
    for (const content of ['3', '4']) {
      await writeFile(`${file}.new`, content);
      await rename(`${file}.new`, file);
      await seen(Number(content) - 1);
    }
    await unlink(file);
    await writeFile(join(folder, 'other.yaml'), 'x');
    await writeFile(file, '5');
    await seen(4);
  });

  it('is seen to change through the link that a ConfigMap mount swaps', async () => {
    for (const version of ['1', '2']) {
      await mkdir(join(folder, `..v${version}`));
      await writeFile(join(folder, `..v${version}`, 'seaworthy.yaml'), version);
    }
    await symlink('..v1', join(folder, '..data'));
    await symlink('..data/seaworthy.yaml', join(folder, 'seaworthy.yaml'));
    await start(join(folder, 'seaworthy.yaml'));
    await symlink('..v2', join(folder, '..data_tmp'));
    await rename(join(folder, '..data_tmp'), join(folder, '..data'));
    await seen(1);
  });

  it('is seen to change behind a link', async () => {
    const target = join(folder, 'elsewhere');
    await mkdir(target);
    await writeFile(join(target, 'real.yaml'), '1');
    await symlink('elsewhere/real.yaml', join(folder, 'seaworthy.yaml'));
    await start(join(folder, 'seaworthy.yaml'));
    await writeFile(join(target, 'real.yaml'), '2');
    await seen(1);
  });

  it('says nothing when the content is the same', async () => {
    const file = join(folder, 'seaworthy.yaml');
    await writeFile(file, 'same');
    await start(file);
    await writeFile(file, 'same');
    await writeFile(file, 'other');
    await seen(1);
  });
});
