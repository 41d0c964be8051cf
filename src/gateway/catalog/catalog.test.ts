import { describe, expect, it } from 'vitest';
import type { Principal } from '#kernel/context/index.js';
import { silentLogger } from '#kernel/telemetry/index.js';
import { compilePolicy } from '../policy/index.js';
import {
  Catalog,
  noSnapshotStore,
  type CatalogChange,
  type Provider,
  type ProviderEvent,
  type ProviderSnapshot,
  type SnapshotStore,
} from './index.js';

const owner: Principal = { id: 'p', kind: 'key', name: 'p', roles: ['owner'] };
const policy = compilePolicy([
  { role: 'owner', allow: ['*:*'] },
  { role: 'half', allow: ['a:*'] },
]);

const snapshotOf = (provider: string, ...tools: string[]): ProviderSnapshot => ({
  provider,
  family: 'modern',
  at: 0,
  hash: tools.join(),
  serverInfo: undefined,
  capabilities: {},
  instructions: `Secret of ${provider}.`,
  tools: tools.map((name) => ({ name, inputSchema: { type: 'object' } })),
  prompts: [],
  resources: [],
  resourceTemplates: [],
  ttlMs: 0,
  cacheScope: 'private',
});

/** A provider whose start and lists the test holds in its hands. */
function handProvider(id: string, first?: ProviderSnapshot) {
  let current = first;
  let begin = () => {};
  let started = 0;
  let emit = (_event: ProviderEvent) => {};
  const starting = first ? Promise.resolve() : new Promise<void>((resolve) => (begin = resolve));
  const provider: Provider = {
    id,
    kind: 'http',
    start: () => {
      started++;
      return starting;
    },
    snapshot: () => current,
    refresh: () => Promise.reject(new RangeError('not here')),
    invoke: () => Promise.reject(new RangeError('not here')),
    subscribe: () => ({ accepted: Promise.resolve([]), close: () => {} }),
    onEvent: (listener) => {
      emit = listener;
      return () => {};
    },
    health: () => ({ status: 'healthy', message: 'ok' }),
    drain: async () => {},
    stop: async () => {},
  };
  return {
    provider,
    started: () => started,
    begin: () => begin(),
    become: (next: ProviderSnapshot) => {
      current = next;
      emit({ kind: 'snapshot', lists: ['tools'] });
    },
    emit: (event: ProviderEvent) => emit(event),
  };
}

const newCatalog = (coldWaitMs = 5000, store: SnapshotStore = noSnapshotStore) =>
  new Catalog({
    policy,
    logger: silentLogger,
    store,
    coldWaitMs,
    pageSize: 100,
    serverInfo: { name: 'g', version: '1' },
    private: true,
  });
const toolsOf = async (catalog: Catalog, route?: string, principal = owner) => [
  ...(await catalog.view(route, principal, 'modern')).tools.keys(),
];

describe('a provider that has not answered yet', () => {
  it('is waited for, but no longer than the bound', async () => {
    const [warm, cold] = [handProvider('a', snapshotOf('a', 'x')), handProvider('b')];
    const catalog = newCatalog(30);
    catalog.replace([warm.provider, cold.provider], policy);
    expect(catalog.viewNow(undefined, owner, 'modern')).toBeUndefined();
    expect(await toolsOf(catalog)).toEqual(['a__x']);
    // One wait for all: from now on nobody is held up, and the same view serves everybody.
    const now = catalog.viewNow(undefined, owner, 'modern');
    expect(now).toBeDefined();
    expect(catalog.viewNow(undefined, owner, 'modern')).toBe(now);
    expect(now?.list('tools/list', 'modern', undefined).toObject()['_meta']).toMatchObject({
      'dev.seaworthy/unavailableProviders': ['b'],
    });
    cold.become(snapshotOf('b', 'y'));
    expect(await toolsOf(catalog)).toEqual(['a__x', 'b__y']);
  });

  it('appears as soon as it has started, with or without telling', async () => {
    const cold = handProvider('a');
    const catalog = newCatalog();
    catalog.replace([cold.provider], policy);
    const listing = toolsOf(catalog);
    cold.become(snapshotOf('a', 'x'));
    cold.begin();
    expect(await listing).toEqual(['a__x']);
  });

  it('holds up nobody who may not reach it', () => {
    const [warm, cold] = [handProvider('a', snapshotOf('a', 'x')), handProvider('b')];
    const catalog = newCatalog();
    catalog.replace([warm.provider, cold.provider], policy);
    expect(catalog.viewNow(undefined, { ...owner, roles: ['half'] }, 'modern')).toBeDefined();
    expect(catalog.viewNow('a', owner, 'modern')).toBeDefined();
  });

  it('that cannot be started leaves the rest working', async () => {
    const broken = { ...handProvider('b').provider, start: () => Promise.reject(new RangeError('no')) };
    const catalog = newCatalog();
    catalog.replace([handProvider('a', snapshotOf('a', 'x')).provider, broken], policy);
    expect(await toolsOf(catalog)).toEqual(['a__x']);
    expect(await toolsOf(catalog, 'b')).toEqual([]);
  });
});

describe('a view', () => {
  it('is kept until something changes, and is shared by equal rights', async () => {
    const a = handProvider('a', snapshotOf('a', 'x'));
    const catalog = newCatalog();
    catalog.replace([a.provider], policy);
    // The end of the start is a change, too.
    await new Promise((resolve) => setImmediate(resolve));
    const before = await catalog.view(undefined, owner, 'modern');
    expect(await catalog.view(undefined, { ...owner, id: 'other' }, 'modern')).toBe(before);
    a.become(snapshotOf('a', 'x', 'y'));
    expect(await toolsOf(catalog)).toEqual(['a__x', 'a__y']);
    expect([...before.tools.keys()]).toEqual(['a__x']);
  });

  it('of a route that the principal may not reach shows nothing of its provider', async () => {
    const catalog = newCatalog();
    catalog.replace([handProvider('b', snapshotOf('b', 'x')).provider], policy);
    const view = await catalog.view('b', { ...owner, roles: ['half'] }, 'modern');
    expect([view.tools.size, view.discover['instructions'], view.providers.size]).toEqual([0, undefined, 0]);
  });
});

describe('another set of providers', () => {
  it('keeps those in both untouched, gives back those that left, and tells of all', () => {
    const [a, b, c] = [
      handProvider('a', snapshotOf('a')),
      handProvider('b', snapshotOf('b')),
      handProvider('c', snapshotOf('c')),
    ];
    const catalog = newCatalog();
    expect(catalog.replace([a.provider, b.provider], policy)).toEqual([]);
    const told: CatalogChange[] = [];
    const stop = catalog.onChange((change) => told.push(change));
    expect(catalog.replace([a.provider, c.provider], policy)).toEqual([b.provider]);
    expect([a.started(), b.started(), c.started()]).toEqual([1, 1, 1]);
    expect(told.map(({ provider }) => provider).sort()).toEqual(['a', 'b', 'c']);
    expect([catalog.has('b'), catalog.has('c'), catalog.providers.length]).toEqual([false, true, 2]);
    expect(() => catalog.provider('b')).toThrow(expect.objectContaining({ code: 'SW_PROVIDER_UNKNOWN' }));
    stop();
    catalog.replace([a.provider], policy);
    expect(told).toHaveLength(3);
  });

  it('silences one that left under the same name', () => {
    const [old, young] = [handProvider('a', snapshotOf('a', 'old')), handProvider('a', snapshotOf('a', 'new'))];
    const catalog = newCatalog();
    catalog.replace([old.provider], policy);
    catalog.replace([young.provider], policy);
    const told: CatalogChange[] = [];
    catalog.onChange((change) => told.push(change));
    old.emit({ kind: 'resource-updated', uri: 'a:x', params: {} });
    old.become(snapshotOf('a', 'ghost'));
    expect(told).toEqual([]);
    expect([...(catalog.viewNow(undefined, owner, 'modern')?.tools.keys() ?? [])]).toEqual(['a__new']);
  });

  it('comes with the policy of its time', async () => {
    const catalog = newCatalog();
    catalog.replace([handProvider('a', snapshotOf('a', 'x')).provider], policy);
    expect(await toolsOf(catalog)).toHaveLength(1);
    catalog.replace(catalog.providers, compilePolicy([]));
    expect(await toolsOf(catalog)).toEqual([]);
  });
});

describe('a snapshot kept from an earlier run', () => {
  it('answers the first list without waiting, until there is a live one', async () => {
    const saved: ProviderSnapshot[] = [];
    const store: SnapshotStore = {
      load: (provider) => snapshotOf(provider, 'kept'),
      save: (snapshot) => void saved.push(snapshot),
      flush: async () => {},
    };
    const cold = handProvider('a');
    const catalog = newCatalog(60_000, store);
    catalog.replace([cold.provider], policy);
    expect(await toolsOf(catalog)).toEqual(['a__kept']);
    expect(catalog.snapshotOf('a')?.tools[0]?.name).toBe('kept');
    cold.become(snapshotOf('a', 'live'));
    expect(await toolsOf(catalog)).toEqual(['a__live']);
    expect(saved.map(({ hash }) => hash)).toEqual(['live']);
  });
});
