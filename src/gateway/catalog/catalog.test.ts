import { describe, expect, it } from 'vitest';
import type { Principal } from '#kernel/context/index.js';
import { silentLogger } from '#kernel/telemetry/index.js';
import { fakeClock, type Clock } from '#kernel/time/index.js';
import { compilePolicy } from '../policy/index.js';
import {
  Catalog,
  noSnapshotStore,
  type CatalogChange,
  type OnFailure,
  type Provider,
  type ProviderEvent,
  type ProviderSnapshot,
  type Routing,
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

const newCatalog = (coldWaitMs = 5000, store: SnapshotStore = noSnapshotStore, clock?: Clock) =>
  new Catalog({
    clock,
    policy,
    logger: silentLogger,
    store,
    coldWaitMs,
    pageSize: 100,
    serverInfo: { name: 'g', version: '1' },
    private: true,
  });
const providersOf = (change: CatalogChange) =>
  change.kind === 'lists' ? [...change.changed.keys()] : [change.provider];
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
    expect(now && catalog.unavailable(undefined, now)).toEqual(['b']);
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
    expect(told.map(providersOf)).toEqual([['a', 'b', 'c']]);
    expect([catalog.has('b'), catalog.has('c'), catalog.providers.length]).toEqual([false, true, 2]);
    expect(() => catalog.provider('b')).toThrow(expect.objectContaining({ code: 'SW_PROVIDER_UNKNOWN' }));
    stop();
    catalog.replace([a.provider], policy);
    expect(told).toHaveLength(1);
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

describe('changes of lists', () => {
  it('are told at once, then together: a storm of them is not one for clients', () => {
    const clock = fakeClock();
    const [a, b] = [handProvider('a', snapshotOf('a')), handProvider('b', snapshotOf('b'))];
    const catalog = newCatalog(0, noSnapshotStore, clock);
    catalog.replace([a.provider, b.provider], policy);
    const told: CatalogChange[] = [];
    catalog.onChange((change) => told.push(change));
    for (let storm = 0; storm < 100; storm++) {
      a.become(snapshotOf('a', `x${storm}`));
      b.become(snapshotOf('b', `x${storm}`));
      clock.advance(10);
    }
    clock.advance(1000);
    expect(told.map(providersOf)).toEqual([['a'], ['b', 'a'], ['a', 'b']]);
    expect([...(catalog.viewNow(undefined, owner, 'modern')?.tools.keys() ?? [])]).toEqual(['a__x99', 'b__x99']);
  });

  it('are none where the first live lists are those that were kept', async () => {
    const store = { ...noSnapshotStore, load: (id: string) => snapshotOf(id, 'same') };
    const cold = handProvider('a');
    const catalog = newCatalog(0, store);
    catalog.replace([cold.provider], policy);
    const told: CatalogChange[] = [];
    catalog.onChange((change) => told.push(change));
    cold.become(snapshotOf('a', 'same'));
    expect(told).toEqual([]);
    cold.become(snapshotOf('a', 'other'));
    expect(told).toHaveLength(1);
  });

  it('include that a provider went away or came back', async () => {
    const a = handProvider('a', snapshotOf('a', 'x'));
    const catalog = newCatalog(0, noSnapshotStore, fakeClock());
    catalog.replace([a.provider], policy);
    const told: CatalogChange[] = [];
    catalog.onChange((change) => told.push(change));
    const view = await catalog.view(undefined, owner, 'modern');
    a.emit({ kind: 'availability', available: false });
    expect(told).toEqual([{ kind: 'lists', changed: new Map([['a', new Set(['tools'])]]) }]);
    expect(catalog.unavailable(undefined, view)).toEqual(['a']);
    expect([...(await catalog.view(undefined, owner, 'modern')).tools.keys()]).toEqual(['a__x']);
    a.emit({ kind: 'availability', available: true });
    expect(catalog.unavailable(undefined, view)).toEqual([]);
  });
});

describe('a group', () => {
  const routing = (onFailure: OnFailure, ...members: string[]): Routing => ({
    onFailure: 'open',
    groups: new Map([['ops', { members: new Set(members), onFailure }]]),
  });

  it('shows its members, names prefixed, within what the principal may reach', async () => {
    const providers = ['a', 'b', 'c'].map((id) => handProvider(id, snapshotOf(id, 'x')).provider);
    const catalog = newCatalog();
    catalog.replace(providers, policy, routing('open', 'c', 'a'));
    expect(await toolsOf(catalog, 'ops')).toEqual(['a__x', 'c__x']);
    expect(await toolsOf(catalog, 'ops', { ...owner, roles: ['half'] })).toEqual(['a__x']);
    expect([catalog.serves('ops'), catalog.serves('a'), catalog.serves('dev'), catalog.has('ops')]).toEqual([
      true,
      true,
      false,
      false,
    ]);
    const rights = catalog.rightsOf(owner);
    expect(['a', 'b', 'c'].map((id) => catalog.shows('ops', id, rights))).toEqual([true, false, true]);
    catalog.replace(providers, policy, routing('open', 'b'));
    expect(await toolsOf(catalog, 'ops')).toEqual(['b__x']);
  });

  it('that is open names who is missing, and one that is closed refuses', async () => {
    const [a, b] = [handProvider('a', snapshotOf('a', 'x')), handProvider('b')];
    const catalog = newCatalog(0);
    catalog.replace([a.provider, b.provider], policy, routing('open', 'a', 'b'));
    const open = await catalog.view('ops', owner, 'modern');
    expect([[...open.tools.keys()], catalog.unavailable('ops', open)]).toEqual([['a__x'], ['b']]);
    catalog.replace([a.provider, b.provider], policy, routing('closed', 'a', 'b'));
    const closed = await catalog.view('ops', owner, 'modern');
    expect(() => catalog.unavailable('ops', closed)).toThrow(
      expect.objectContaining({ code: 'SW_UPSTREAM_UNAVAILABLE', details: { provider: 'b', reason: 'ok' } }),
    );
    // Who may not reach the missing one is not concerned by it, and everything at /mcp has its own setting.
    const half = { ...owner, roles: ['half'] };
    expect(catalog.unavailable('ops', await catalog.view('ops', half, 'modern'))).toEqual([]);
    expect(catalog.unavailable(undefined, await catalog.view(undefined, owner, 'modern'))).toEqual(['b']);
    catalog.replace([a.provider, b.provider], policy, { onFailure: 'closed', groups: new Map() });
    const everything = await catalog.view(undefined, owner, 'modern');
    expect(() => catalog.unavailable(undefined, everything)).toThrow();
  });
});
