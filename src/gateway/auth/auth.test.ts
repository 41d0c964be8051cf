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

const credentials = (headers: Record<string, string>, address = '127.0.0.1'): Credentials => ({
  transport: 'http',
  header: (name) => headers[name],
  address,
  method: 'POST',
  target: '/mcp',
  certificate: undefined,
});
const record = (key: string, more: Partial<KeyRecord> = {}): KeyRecord => ({
  id: 'k1',
  name: 'laptop',
  description: undefined,
  hash: hashKey(key),
  previous: undefined,
  roles: ['reader'],
  scopes: undefined,
  addresses: [],
  createdAt: 0,
  expiresAt: undefined,
  revokedAt: undefined,
  lastUsedAt: undefined,
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

  it.each<[string, string, boolean]>([
    ['10.0.0.0/8', '10.1.2.3', true],
    ['10.0.0.0/8', '::ffff:10.1.2.3', true],
    ['10.0.0.0/8', '11.1.2.3', false],
    ['10.1.2.3', '10.1.2.3', true],
    ['10.1.2.3', '10.1.2.4', false],
    ['2001:db8::/32', '2001:db8:1::9', true],
    ['2001:db8::/32', '10.1.2.3', false],
    ['10.0.0.0/8', 'unknown', false],
    ['not a network', '10.1.2.3', false],
  ])('lets a key for %s in from %s: %s', (network, from, ok) => {
    const known = authenticator();
    known.replace([record(key, { addresses: [network] })]);
    const show = () => known.authenticate(credentials({ 'x-api-key': key }, from));
    if (ok) expect(show().id).toBe('key:k1');
    else expect(show).toThrow(refused);
  });

  it('takes both secrets of a rotated key until the overlap ends, and then tells that one is gone', () => {
    const ended: string[][] = [];
    const known = new KeyAuthenticator(() => now, { onEnded: (ids) => ended.push([...ids]) });
    known.replace([record(key)]);
    known.replace([record(other, { previous: { hash: hashKey(key), until: 2000 } })]);
    expect(ended).toEqual([]);
    const show = (secret: string) => () => known.authenticate(credentials({ 'x-api-key': secret }));
    expect([show(key)().id, show(other)().id]).toEqual(['key:k1', 'key:k1']);
    now = 2000;
    expect(show(key)).toThrow(refused);
    expect(show(other)().id).toBe('key:k1');
    known.expire();
    known.expire();
    expect(ended).toEqual([['key:k1']]);
  });

  it('tells of keys that are revoked or have other rights, and of no other', () => {
    const ended: string[][] = [];
    const known = new KeyAuthenticator(() => now, { onEnded: (ids) => ended.push([...ids]) });
    const all = [record(key), record(other, { id: 'k2' })];
    known.replace(all);
    known.replace([record(key, { lastUsedAt: 5 }), record(other, { id: 'k2', roles: ['owner'] })]);
    known.replace([record(key, { revokedAt: 1 }), record(other, { id: 'k2', roles: ['owner'] })]);
    expect(ended).toEqual([['key:k2'], ['key:k1']]);
  });

  it('believes keys that nobody confirms for a while, and then none', () => {
    const reasons: string[] = [];
    const known = new KeyAuthenticator(() => now, { maxStaleMs: 100, onRefused: (reason) => reasons.push(reason) });
    known.replace([record(key)]);
    const show = () => known.authenticate(credentials({ 'x-api-key': key }));
    now += 100;
    expect(show().id).toBe('key:k1');
    now += 1;
    expect(show).toThrow(expect.objectContaining({ code: 'SW_KEYS_UNAVAILABLE' }));
    known.confirm();
    expect(show().id).toBe('key:k1');
    expect(() => known.authenticate(credentials({}))).toThrow(refused);
    expect(() => known.authenticate(credentials({ 'x-api-key': other }))).toThrow(refused);
    expect(reasons).toEqual(['stale', 'missing', 'unknown']);
  });

  it('gives out once when a key was used, whichever secret was, also over a new look at the keys', () => {
    const known = authenticator();
    known.authenticate(credentials({ 'x-api-key': key }));
    known.replace([record(other, { previous: { hash: hashKey(key), until: 5000 } })]);
    expect(known.takeUses()).toEqual(new Map([['k1', 1000]]));
    expect(known.takeUses().size).toBe(0);
    now = 1500;
    known.authenticate(credentials({ 'x-api-key': key }));
    expect(known.takeUses()).toEqual(new Map([['k1', 1500]]));
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
    const { key, record: made } = await keys.create('laptop', ['reader', 'writer'], {
      expiresAt: 9999,
      scopes: ['files:read'],
      addresses: ['10.0.0.0/8', '::1'],
      description: 'on the train',
    });
    await keys.create('other', []);
    const [first] = await keys.list();
    expect(first).toEqual(made);
    expect(first).toMatchObject({
      name: 'laptop',
      roles: ['reader', 'writer'],
      createdAt: 1234,
      expiresAt: 9999,
      scopes: ['files:read'],
      addresses: ['10.0.0.0/8', '::1'],
      description: 'on the train',
      revokedAt: undefined,
      lastUsedAt: undefined,
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

  it('have a new secret after a rotation, and two until the overlap ends', async () => {
    const keys = await KeyStore.open(storage, () => 1000);
    const first = await keys.create('laptop', ['reader']);
    const second = await keys.rotate(first.record.id, 500);
    expect(second.record).toEqual({
      ...first.record,
      hash: hashKey(second.key),
      previous: { hash: hashKey(first.key), until: 1500 },
    });
    expect(await keys.list()).toEqual([second.record]);
    const third = await keys.rotate(first.record.id, 0);
    expect(await keys.list()).toEqual([{ ...first.record, hash: hashKey(third.key) }]);
    await keys.revoke(first.record.id);
    await expect(keys.rotate(first.record.id, 0)).rejects.toMatchObject({ code: 'SW_KEY_UNKNOWN' });
  });

  it.each([
    ['a name', '', {}],
    ['scopes', 'a', { scopes: ['two words'] }],
    ['addresses', 'a', { addresses: ['10/8'] }],
    ['addresses', 'a', { addresses: ['host.example.com'] }],
    ['a description', 'a', { description: 'x'.repeat(501) }],
  ])('need %s that can be used', async (_what, name, details) => {
    const keys = await KeyStore.open(storage, () => 1);
    await expect(keys.create(name, [], details)).rejects.toMatchObject({ code: 'SW_KEY_INVALID' });
    expect(await keys.list()).toEqual([]);
  });

  it('remember when they were used', async () => {
    const keys = await KeyStore.open(storage, () => 1);
    const { record: made } = await keys.create('laptop', []);
    await keys.markUsed(new Map([[made.id, 777]]));
    expect((await keys.list())[0]?.lastUsedAt).toBe(777);
  });

  it('are seen by every process that opens the same database', async () => {
    const keys = await KeyStore.open(storage, () => 1);
    const { record: made } = await keys.create('laptop', []);
    const again = await openStorage({ url: 'sqlite:', dataDir: directory });
    expect(await (await KeyStore.open(again, () => 1)).list()).toEqual([made]);
    await again.close();
  });
});
