import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLogger } from '#kernel/telemetry/index.js';
import { fileSnapshotStore, type ProviderSnapshot } from './index.js';

const snapshotOf = (provider: string, tool = 'x'): ProviderSnapshot => ({
  provider,
  family: 'modern',
  at: 0,
  hash: tool,
  serverInfo: undefined,
  capabilities: {},
  instructions: 'Line one.\nLine two.',
  tools: [{ name: tool, inputSchema: { type: 'object' } }],
  prompts: [],
  resources: [],
  resourceTemplates: [],
  ttlMs: 0,
  cacheScope: 'private',
});

let directory: string;
let logged: string[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'snapshots-'));
  logged = [];
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const storeOf = (configuration = 'c1', maxBytes = 10_000) =>
  fileSnapshotStore({
    directory: join(directory, 'kept'),
    configurationOf: () => configuration,
    maxBytes,
    logger: createLogger({
      destination: new Writable({
        write(chunk: Buffer, _encoding, done) {
          logged.push(chunk.toString());
          done();
        },
      }),
    }),
  });
const keep = async (snapshot: ProviderSnapshot, store = storeOf()) => {
  store.save(snapshot);
  await store.flush();
};
const fileOf = (provider: string) => join(directory, 'kept', `${provider}.json`);

describe('a kept snapshot', () => {
  it('comes back as it was, and is for nobody else to read', async () => {
    await keep(snapshotOf('a'));
    expect(storeOf().load('a')).toEqual({ ...snapshotOf('a'), serverInfo: undefined });
    expect(statSync(fileOf('a')).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(directory, 'kept'))).toEqual(['a.json']);
    expect(logged).toEqual([]);
  });

  it('is the last of several, and is written once for one content', async () => {
    const store = storeOf();
    for (const tool of ['x', 'y', 'z']) store.save(snapshotOf('a', tool));
    store.save(snapshotOf('b'));
    await store.flush();
    expect(storeOf().load('a')?.hash).toBe('z');
    expect(storeOf().load('b')?.hash).toBe('x');
    rmSync(fileOf('a'));
    await keep(snapshotOf('a', 'z'), store);
    expect(store.load('a')).toBeUndefined();
    await keep(snapshotOf('a', 'new'), store);
    expect(store.load('a')?.hash).toBe('new');
  });

  it('is not used for another configuration', async () => {
    await keep(snapshotOf('a'));
    expect(storeOf('c2').load('a')).toBeUndefined();
    expect(logged.join()).toContain('another configuration');
    // The same lists of the new server are kept again.
    const store = storeOf('c2');
    await keep(snapshotOf('a'), store);
    expect(storeOf('c2').load('a')?.hash).toBe('x');
  });

  it('of another provider is refused', async () => {
    await keep(snapshotOf('a'));
    writeFileSync(fileOf('b'), readFileSync(fileOf('a')));
    expect(storeOf().load('b')).toBeUndefined();
    expect(logged.join()).toContain('no snapshot of this provider');
  });

  it('that is damaged or foreign is refused, and said to be', async () => {
    await keep(snapshotOf('a'));
    const text = readFileSync(fileOf('a'), 'utf8');
    const damages = [
      '',
      '{',
      'null',
      '[]\n[]',
      text.slice(0, -5),
      text.replace('"name":"x"', '"name":"y"'),
      text.replace('"format":2', '"format":1'),
      text.replace('\n', '\n\n'),
    ];
    for (const damage of damages) {
      writeFileSync(fileOf('a'), damage);
      logged = [];
      expect(storeOf().load('a'), damage).toBeUndefined();
      expect(logged.join(), damage).toContain('refused');
    }
    rmSync(fileOf('a'));
    mkdirSync(fileOf('a'));
    expect(storeOf().load('a')).toBeUndefined();
  });

  it('over the limit is neither written nor read', async () => {
    await keep(snapshotOf('a'));
    expect(storeOf('c1', 100).load('a')).toBeUndefined();
    expect(logged.join()).toContain('more than lists.maxBytes');
    await keep(snapshotOf('b'), storeOf('c1', 100));
    expect(readdirSync(join(directory, 'kept'))).toEqual(['a.json']);
  });

  it('costs nothing but itself where it cannot be written', async () => {
    writeFileSync(join(directory, 'kept'), 'a file in the way');
    const store = storeOf();
    await keep(snapshotOf('a'), store);
    expect(logged.join()).toContain('could not be kept');
    rmSync(join(directory, 'kept'));
    await keep(snapshotOf('a'), store);
    expect(storeOf().load('a')?.hash).toBe('x');
  });
});
