import fc from 'fast-check';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openStorage, type Storage } from '#kernel/storage/index.js';
import type { Credentials } from '#protocol/server/index.js';
import {
  hashKey,
  KeyAuthenticator,
  KeyStore,
  localUser,
  looksLikeKey,
  makeKey,
  openToAll,
  type KeyRecord,
} from './index.js';

const credentials = (headers: Record<string, string>): Credentials => ({
  transport: 'http',
  header: (name) => headers[name],
  address: '127.0.0.1',
  method: 'POST',
  target: '/mcp',
  certificate: undefined,
});
const record = (key: string, more: Partial<KeyRecord> = {}): KeyRecord => ({
  id: 'k1',
  name: 'laptop',
  hash: hashKey(key),
  roles: ['reader'],
  createdAt: 0,
  expiresAt: undefined,
  revokedAt: undefined,
  ...more,
});
const refused = expect.objectContaining({ code: 'SW_UNAUTHENTICATED' }) as unknown;

describe('an API key', () => {
  it('has a prefix for scanners, 256 random bits, and a checksum', () => {
    const keys = Array.from({ length: 100 }, makeKey);
    expect(new Set(keys).size).toBe(100);
    for (const key of keys) {
      expect(key).toMatch(/^swk_[\w-]{49}$/);
      expect(looksLikeKey(key)).toBe(true);
    }
  });

  it('that was mistyped is told without a look-up', () => {
    const key = makeKey();
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: key.length - 1 }),
        fc.constantFrom('a', 'Z', '0', '9', '_', '-', 'x'),
        (at, letter) => {
          fc.pre(key[at] !== letter);
          expect(looksLikeKey(key.slice(0, at) + letter + key.slice(at + 1))).toBe(false);
        },
      ),
    );
    for (const text of ['', 'swk_', key.slice(1), ` ${key}`, `${key}x`, key.slice(0, -1), key.toUpperCase()])
      expect(looksLikeKey(text)).toBe(false);
  });
});

describe('the authenticator', () => {
  const key = makeKey();
  const other = makeKey();
  let now = 1000;
  const authenticator = () => {
    const made = new KeyAuthenticator(() => now);
    made.replace([record(key), record(other, { id: 'k2', roles: ['owner'], expiresAt: 2000 })]);
    return made;
  };
  beforeEach(() => {
    now = 1000;
  });

  const shown: readonly (readonly [string, Record<string, string>, boolean])[] = [
    ['Bearer', { authorization: `Bearer ${key}` }, true],
    ['bearer in another case', { authorization: `bEARER ${key}` }, true],
    ['more than one space', { authorization: `Bearer   ${key}` }, true],
    ['X-API-Key', { 'x-api-key': key }, true],
    ['both, the same', { authorization: `Bearer ${key}`, 'x-api-key': key }, true],
    ['both, different', { authorization: `Bearer ${key}`, 'x-api-key': other }, false],
    ['a good one and a wrong one', { authorization: 'Bearer wrong', 'x-api-key': key }, false],
    ['nothing', {}, false],
    ['an empty Bearer', { authorization: 'Bearer ' }, false],
    ['no scheme', { authorization: key }, false],
    ['another scheme', { authorization: `Basic ${key}` }, false],
    ['two tokens', { authorization: `Bearer ${key} ${key}` }, false],
    ['an empty X-API-Key', { 'x-api-key': '' }, false],
    ['two X-API-Keys', { 'x-api-key': `${key}, ${key}` }, false],
    ['a key nobody made', { 'x-api-key': makeKey() }, false],
    ['the hash of a key', { 'x-api-key': hashKey(key) }, false],
    ['a key in another case', { 'x-api-key': key.toUpperCase() }, false],
  ];
  it.each(shown)('with %s', (_name, headers, ok) => {
    if (ok)
      expect(authenticator().authenticate(credentials(headers))).toEqual({
        id: 'key:k1',
        kind: 'key',
        name: 'laptop',
        roles: ['reader'],
      });
    else expect(() => authenticator().authenticate(credentials(headers))).toThrow(refused);
  });

  it('stops a key at the moment when it expires', () => {
    const known = authenticator();
    const show = () => known.authenticate(credentials({ 'x-api-key': other }));
    now = 1999;
    expect(show().roles).toEqual(['owner']);
    now = 2000;
    expect(show).toThrow(refused);
  });

  it('knows no key before it was given any, none that is revoked, none that is gone', () => {
    const show = (known: KeyAuthenticator) => () => known.authenticate(credentials({ 'x-api-key': key }));
    const known = new KeyAuthenticator(() => now);
    expect(show(known)).toThrow(refused);
    known.replace([record(key)]);
    expect(show(known)().id).toBe('key:k1');
    known.replace([record(key, { revokedAt: 5 })]);
    expect(show(known)).toThrow(refused);
    known.replace([]);
    expect(show(known)).toThrow(refused);
  });

  it('says nothing of the credential in its refusal', () => {
    const known = authenticator();
    try {
      known.authenticate(credentials({ authorization: 'Bearer planted-credential' }));
      expect.unreachable();
    } catch (error) {
      expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('planted-credential');
    }
  });
});

describe('principals without keys', () => {
  it('are everybody, and the user of this machine', () => {
    expect(openToAll.authenticate(credentials({}))).toMatchObject({ id: 'anonymous', roles: ['anonymous'] });
    expect(localUser(['owner'])).toMatchObject({ kind: 'local', roles: ['owner'] });
  });
});

describe('the keys in the database', () => {
  let directory: string;
  let storage: Storage;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keys-'));
    storage = await openStorage({ url: 'sqlite:', dataDir: directory });
  });
  afterEach(async () => {
    await storage.close();
    await rm(directory, { recursive: true, force: true });
  });

  it('are kept as hashes, with everything else that was said of them', async () => {
    const keys = await KeyStore.open(storage, () => 1234);
    const { key, record: made } = await keys.create('laptop', ['reader', 'writer'], 9999);
    await keys.create('other', []);
    const [first] = await keys.list();
    expect(first).toEqual(made);
    expect(first).toMatchObject({
      name: 'laptop',
      roles: ['reader', 'writer'],
      createdAt: 1234,
      expiresAt: 9999,
      revokedAt: undefined,
      hash: hashKey(key),
    });
    expect(JSON.stringify(await keys.list())).not.toContain(key.slice(4, 40));
  });

  it('are revoked once, and for good', async () => {
    const keys = await KeyStore.open(storage, () => 1234);
    const { record: made, key } = await keys.create('laptop', ['reader']);
    await keys.revoke(made.id);
    expect((await keys.list())[0]?.revokedAt).toBe(1234);
    await expect(keys.revoke(made.id)).rejects.toMatchObject({ code: 'SW_KEY_UNKNOWN' });
    await expect(keys.revoke('nobody')).rejects.toMatchObject({ code: 'SW_KEY_UNKNOWN' });
    const known = new KeyAuthenticator(() => 1234);
    known.replace(await keys.list());
    expect(() => known.authenticate(credentials({ 'x-api-key': key }))).toThrow(refused);
  });

  it('are seen by every process that opens the same database', async () => {
    const keys = await KeyStore.open(storage, () => 1);
    const { record: made } = await keys.create('laptop', []);
    const again = await openStorage({ url: 'sqlite:', dataDir: directory });
    expect(await (await KeyStore.open(again, () => 1)).list()).toEqual([made]);
    await again.close();
  });
});
