import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { testModule, type TestModule } from '#gateway/modules/index.js';
import { moduleContract } from '../../../test/contract/module.js';
import { scratch } from './index.js';

moduleContract(scratch, { maxFiles: 2 }, ['directory']);

describe('scratch', () => {
  let root: string;
  let directory: string;
  let module: TestModule;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'seaworthy-scratch-'));
    directory = join(root, 'files');
    module = await testModule(scratch, { directory, maxFileBytes: 16, maxFiles: 2 });
  });
  afterEach(async () => {
    await module.stop();
    await rm(root, { recursive: true });
  });

  const text = async (name: string, args: Record<string, unknown>) => {
    const result = await module.callTool(name, args);
    return { text: (result['content'] as { text: string }[])[0]?.text, isError: result['isError'] === true };
  };
  const refused = (code: string) => ({ isError: true, text: expect.stringContaining(`(${code})`) as unknown });

  it('writes, lists, reads, replaces and deletes', async () => {
    expect(await text('write_file', { name: 'a.txt', content: 'one' })).toMatchObject({
      text: 'Created a.txt, 3 bytes.',
    });
    expect(await text('write_file', { name: 'a.txt', content: 'zwölf' })).toMatchObject({
      text: 'Replaced a.txt, 6 bytes.',
    });
    expect((await module.callTool('list_files'))['structuredContent']).toMatchObject({
      files: [{ name: 'a.txt', bytes: 6 }],
    });
    expect(await text('read_file', { name: 'a.txt' })).toMatchObject({ text: 'zwölf' });
    expect(await text('delete_file', { name: 'a.txt' })).toMatchObject({ text: 'Deleted a.txt.' });
    expect(await text('read_file', { name: 'a.txt' })).toMatchObject(refused('SW_SCRATCH_MISSING'));
    expect(await text('delete_file', { name: 'a.txt' })).toMatchObject(refused('SW_SCRATCH_MISSING'));
    expect(await readdir(directory)).toEqual([]);
  });

  it.each(['../x', '.hidden', '-x', 'a/b', 'a\\b', '', 'x'.repeat(101), 'a\0', '..', 'ä', 'a\n'])(
    'refuses the name %j',
    async (name) => {
      for (const tool of ['read_file', 'delete_file'])
        expect(await text(tool, { name })).toMatchObject({
          isError: true,
          text: expect.stringContaining('name:') as unknown,
        });
      expect(await text('write_file', { name, content: 'x' })).toMatchObject({ isError: true });
      expect(await readdir(root)).toEqual(['files']);
    },
  );

  it('follows no link, in either direction', async () => {
    const outside = join(root, 'outside.txt');
    await writeFile(outside, 'private');
    await symlink(outside, join(directory, 'link.txt'));
    for (const call of [
      text('read_file', { name: 'link.txt' }),
      text('write_file', { name: 'link.txt', content: 'x' }),
      text('delete_file', { name: 'link.txt' }),
    ])
      expect(await call).toMatchObject(refused('SW_SCRATCH_NOT_A_FILE'));
    expect(await readFile(outside, 'utf8')).toBe('private');
    expect((await module.callTool('list_files'))['structuredContent']).toEqual({ files: [] });
    await expect(module.readResource('scratch:///link.txt')).rejects.toMatchObject({ code: 'SW_SCRATCH_NOT_A_FILE' });
  });

  it('reads no directory and does not hang on a pipe', async () => {
    await mkdir(join(directory, 'dir'));
    execFileSync('mkfifo', [join(directory, 'pipe')]);
    for (const name of ['dir', 'pipe'])
      expect(await text('read_file', { name })).toMatchObject(refused('SW_SCRATCH_NOT_A_FILE'));
  });

  it('holds to its limits, and keeps the old file when a write is refused', async () => {
    await text('write_file', { name: 'a', content: 'old' });
    expect(await text('write_file', { name: 'a', content: 'x'.repeat(17) })).toMatchObject(
      refused('SW_SCRATCH_TOO_LARGE'),
    );
    expect(await text('read_file', { name: 'a' })).toMatchObject({ text: 'old' });
    const writes = ['b', 'c', 'd'].map((name) => text('write_file', { name, content: name }));
    const results = await Promise.all(writes);
    expect(results.map(({ isError }) => isError)).toEqual([false, true, true]);
    expect(await text('write_file', { name: 'a', content: 'new' })).toMatchObject({ isError: false });
    await writeFile(join(directory, 'b'), 'y'.repeat(17));
    expect(await text('read_file', { name: 'b' })).toMatchObject(refused('SW_SCRATCH_TOO_LARGE'));
  });

  it('makes directory and files for its owner only', async () => {
    await text('write_file', { name: 'a', content: 'x' });
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    expect((await stat(join(directory, 'a'))).mode & 0o777).toBe(0o600);
  });

  it('shows files as resources, binary ones in base64, and completes their names', async () => {
    await writeFile(join(directory, 'note.md'), '# hi');
    await writeFile(join(directory, 'raw'), Buffer.of(0xff));
    const snapshot = await module.provider.refresh();
    expect(snapshot.resources.map(({ uri }) => uri)).toEqual(['scratch:///note.md', 'scratch:///raw']);
    expect((await module.readResource('scratch:///note.md'))['contents']).toEqual([
      { uri: 'scratch:///note.md', mimeType: 'text/markdown', text: '# hi' },
    ]);
    expect((await module.readResource('scratch:///raw'))['contents']).toMatchObject([{ blob: '/w==' }]);
    expect(await text('read_file', { name: 'raw' })).toMatchObject(refused('SW_SCRATCH_NOT_TEXT'));
    await expect(module.readResource('scratch:///none')).rejects.toMatchObject({ code: 'SW_RESOURCE_UNKNOWN' });
    await expect(module.readResource('scratch:///..%2Fx')).rejects.toMatchObject({ code: 'SW_RESOURCE_UNKNOWN' });
    const ref = { type: 'ref/resource', uri: 'scratch:///{name}' };
    expect(await module.complete({ ref, argument: { name: 'name', value: 'n' } })).toMatchObject({
      completion: { values: ['note.md'] },
    });
  });

  it('tells subscribers of a change, and everybody of a new file', async () => {
    const uri = 'scratch:///a';
    const subscription = module.provider.subscribe({
      resources: [uri, 'other://x'],
      principalId: 'p',
      session: undefined,
    });
    expect(await subscription.accepted).toEqual([uri]);
    await text('write_file', { name: 'a', content: '1' });
    await text('write_file', { name: 'b', content: '1' });
    await text('write_file', { name: 'a', content: '2' });
    subscription.close();
    await text('write_file', { name: 'a', content: '3' });
    await module.provider.refresh();
    expect(module.events.filter(({ kind }) => kind === 'resource-updated')).toEqual([
      { kind: 'resource-updated', uri, params: { uri } },
      { kind: 'resource-updated', uri, params: { uri } },
    ]);
    expect(module.events.filter(({ kind }) => kind === 'snapshot')).toHaveLength(2);
  });

  it('says nothing of host paths when the directory is gone', async () => {
    await rm(directory, { recursive: true });
    const result = await text('write_file', { name: 'a', content: 'x' });
    expect(result.isError).toBe(true);
    expect(result.text).not.toContain(root);
  });
});
