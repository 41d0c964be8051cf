import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { createSealer, memoryKeyRing, openKeyRing } from './index.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seaworthy-keys-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('a sealer', () => {
  it('gives back any JSON object, in tokens of visible ASCII that differ each time', () => {
    const sealer = createSealer(memoryKeyRing(), 'session');
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const token = sealer.seal(value);
        expect(token).toMatch(/^[\w-]+$/);
        expect(token).not.toBe(sealer.seal(value));
        expect(JSON.stringify(sealer.open(token))).toBe(JSON.stringify({ ok: true, value }));
      }),
    );
  });

  it('refuses every token with one bit changed', () => {
    const sealer = createSealer(memoryKeyRing(), 'session');
    const bytes = Buffer.from(sealer.seal({ principal: 'key:1' }), 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const reason = bit < 8 ? 'malformed' : bit < 40 ? 'unknown-key' : 'forged';
      expect(sealer.open(changed.toString('base64url'))).toEqual({ ok: false, reason });
    }
  });

  it('refuses other spellings of a valid token', () => {
    const sealer = createSealer(memoryKeyRing(), 'session');
    const token = sealer.seal({ a: 1 });
    for (const other of [
      `${token}=`,
      ` ${token}`,
      `${token}\n`,
      `${token.slice(0, 9)}.${token.slice(9)}`,
      token.slice(0, -1),
    ]) {
      expect(sealer.open(other)).toMatchObject({ ok: false });
    }
    expect(sealer.open('')).toEqual({ ok: false, reason: 'malformed' });
    expect(sealer.open('A'.repeat(1e6))).toEqual({ ok: false, reason: 'malformed' });
  });

  it('does not open what was sealed for another purpose or by another ring', () => {
    const ring = memoryKeyRing();
    const token = createSealer(ring, 'session').seal({ a: 1 });
    expect(createSealer(ring, 'cursor').open(token)).toEqual({ ok: false, reason: 'forged' });
    expect(createSealer(memoryKeyRing(), 'session').open(token)).toEqual({ ok: false, reason: 'unknown-key' });
  });

  it('opens older tokens after a rotation, until their key is dropped', async () => {
    const ring = memoryKeyRing();
    const sealer = createSealer(ring, 'session');
    const token = sealer.seal({ a: 1 });
    await ring.rotate();
    expect(sealer.open(token)).toMatchObject({ ok: true });
    expect(sealer.seal({ a: 1 }).slice(0, 6)).not.toBe(token.slice(0, 6));
    await ring.rotate(1);
    expect(sealer.open(token)).toEqual({ ok: false, reason: 'unknown-key' });
  });
});

describe('a key ring file', () => {
  it('is created once, private, whoever comes first', async () => {
    const file = join(folder, 'first', 'keys.json');
    const rings = await Promise.all([1, 2, 3, 4].map(() => openKeyRing(file)));
    expect(new Set(rings.map((ring) => ring.keys[0]?.key.toString('hex'))).size).toBe(1);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, 'first'))).mode & 0o777).toBe(0o700);
    expect(await readdir(join(folder, 'first'))).toEqual(['keys.json']);
  });

  it('keeps tokens alive over a restart and carries a rotation to other processes', async () => {
    const file = join(folder, 'keys.json');
    const one = await openKeyRing(file);
    const two = await openKeyRing(file);
    const old = createSealer(one, 'session').seal({ a: 1 });
    await one.rotate();
    const fresh = createSealer(one, 'session').seal({ a: 2 });
    const sealer = createSealer(two, 'session');
    expect(sealer.open(fresh)).toEqual({ ok: false, reason: 'unknown-key' });
    await two.reload();
    expect(sealer.open(fresh)).toEqual({ ok: true, value: { a: 2 } });
    expect(createSealer(await openKeyRing(file), 'session').open(old)).toEqual({ ok: true, value: { a: 1 } });
  });

  it('is made private when it is not, and refused when it is no key ring, without quoting it', async () => {
    const file = join(folder, 'odd.json');
    await openKeyRing(file);
    await chmod(file, 0o644);
    await openKeyRing(file);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const key = (JSON.parse(await readFile(file, 'utf8')) as { keys: { key: string }[] }).keys[0]?.key ?? '';
    for (const content of [`{"keys": ${key}`, '{"version":1,"keys":[]}', `{"version":2,"keys":["${key}"]}`]) {
      await writeFile(file, content);
      const error: unknown = await openKeyRing(file).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'SW_SECRET_UNAVAILABLE' });
      expect(String(error)).not.toContain(key);
    }
  });
});
