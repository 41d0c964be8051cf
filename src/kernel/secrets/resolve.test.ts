import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { format, inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isSecretReference, resolveSecret, Secret } from './index.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seaworthy-secrets-'));
});
afterAll(() => rm(folder, { recursive: true }));

const resolved = async (reference: string, environment = {}): Promise<string> =>
  (await resolveSecret(reference, environment)).reveal();

const refusal = async (reference: string, environment = {}): Promise<string> => {
  const error: unknown = await resolveSecret(reference, environment).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'SW_SECRET_UNAVAILABLE' });
  return inspect(error, { depth: 9 });
};

describe('a secret', () => {
  it('prints as [secret] in every way a value is printed', () => {
    const secret = new Secret('planted');
    const printed = [
      JSON.stringify({ secret }),
      String(secret),
      // eslint-disable-next-line @typescript-eslint/restrict-template-expressions -- the accident this type is for
      `${secret}`,
      inspect({ secret }),
      format('%s %o', secret, secret),
      JSON.stringify(Object.entries(secret)),
    ];
    expect(printed.join()).not.toContain('planted');
    expect(printed[0]).toBe('{"secret":"[secret]"}');
    expect(secret.reveal()).toBe('planted');
  });
});

describe('a reference', () => {
  it('is told from plain text', () => {
    expect(['env:A', 'file:/a', 'exec:a', 'https://a', 'Bearer x'].map(isSecretReference)).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
  });

  it('names a variable of the environment it was given', async () => {
    expect(await resolved('env:TOKEN', { TOKEN: 'value' })).toBe('value');
    expect(await refusal('env:TOKEN')).toContain('not set');
    expect(await refusal('env:TOKEN', { TOKEN: '' })).toContain('empty');
  });

  it('names a file, whose last newline does not count', async () => {
    const path = join(folder, 'token');
    await writeFile(path, ' two\nlines \r\n');
    expect(await resolved(`file:${path}`)).toBe(' two\nlines ');
    expect(await refusal(`file:${path}.missing`)).toContain('ENOENT');
    expect(await refusal(`file:${folder}`)).toContain('EISDIR');
    await writeFile(path, 'x'.repeat(65 * 1024));
    expect(await refusal(`file:${path}`)).toContain('larger');
  });

  it('names a program, run without a shell and with the given environment only', async () => {
    const node = process.execPath;
    expect(await resolved(`exec:${node} -p "process.argv[1] + process.env.A" 'a $HOME; b'`, { A: '1' })).toBe(
      'a $HOME; b1',
    );
    expect(await refusal('exec:/nowhere/to/be/found')).toContain('does not exist');
    expect(await refusal('exec:')).toContain('no program');
    expect(await refusal(`exec:${node} -e ""`)).toContain('printed nothing');
    expect(await refusal(`exec:${node} -e "console.log('x'.repeat(99999))"`)).toContain('more than');
  });

  it('keeps the arguments and the output of a failing program out of the error', async () => {
    const text = await refusal(
      `exec:${process.execPath} -e "console.log('planted-out');process.exit(3)" planted-argument`,
    );
    expect(text).toContain('status 3');
    expect(text).not.toContain('planted');
  });

  it('is not repeated when it is plain text, which may be the secret itself', async () => {
    expect(await refusal('sk-planted')).not.toContain('planted');
    expect(await refusal('vault:sk-planted')).not.toContain('planted');
  });
});
