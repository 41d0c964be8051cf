import { describe, expect, it } from 'vitest';
import type { Principal } from '#kernel/context/index.js';
import { createSealer, memoryKeyRing } from '#kernel/secrets/index.js';
import { silentLogger } from '#kernel/telemetry/index.js';
import type { ListenFilter, ModelNotification } from '#protocol/model/index.js';
import {
  Catalog,
  noSnapshotStore,
  type Provider,
  type ProviderEvent,
  type ProviderInterest,
} from '../catalog/index.js';
import { compilePolicy } from '../policy/index.js';
import { TaskTokens } from '../tasks/index.js';
import { listen } from './listen.js';
import { eventually } from '../../../test/support/eventually.js';

const principal: Principal = { id: 'p', kind: 'key', name: 'p', roles: ['r'] };
const all = compilePolicy([{ role: 'r', allow: ['*:*'] }]);

/** A provider with one resource that takes every interest, and whose events the test raises. */
function talkingProvider(id: string) {
  const interests = new Set<ProviderInterest>();
  let raise = (_event: ProviderEvent) => {};
  const snapshot = {
    provider: id,
    family: 'modern',
    at: 0,
    hash: 'x',
    serverInfo: undefined,
    capabilities: {},
    instructions: undefined,
    tools: [],
    prompts: [],
    resources: [{ uri: `${id}://x`, name: 'x' }],
    resourceTemplates: [],
    ttlMs: 0,
    cacheScope: 'private',
  } as const;
  const unused = () => Promise.reject(new RangeError('not here'));
  const provider: Provider = {
    id,
    kind: 'http',
    start: async () => {},
    snapshot: () => snapshot,
    refresh: unused,
    invoke: unused,
    subscribe: (interest) => {
      interests.add(interest);
      return { accepted: Promise.resolve(interest.resources), close: () => interests.delete(interest) };
    },
    onEvent: (listener) => {
      raise = listener;
      return () => {};
    },
    health: () => ({ status: 'healthy', message: 'ok' }),
    drain: async () => {},
    stop: async () => {},
  };
  return { provider, interests, raise: (event: ProviderEvent) => raise(event) };
}

const tokens = new TaskTokens(createSealer(memoryKeyRing(), 'task'));

async function listening(filter: ListenFilter, options: { session?: string; provider?: string } = {}) {
  const [a, b] = [talkingProvider('a'), talkingProvider('b')];
  const catalog = new Catalog({
    policy: all,
    logger: silentLogger,
    store: noSnapshotStore,
    coldWaitMs: 1000,
    changeIntervalMs: 0,
    pageSize: 10,
    serverInfo: {},
    private: true,
  });
  catalog.replace([a.provider, b.provider], all);
  const heard: ModelNotification[] = [];
  const session = options.session === undefined ? undefined : { key: options.session };
  const open = listen(
    {
      client: {
        family: session ? 'legacy' : 'modern',
        revision: session ? '2025-11-25' : '2026-07-28',
        capabilities: {},
      },
      route: { provider: options.provider },
      principal,
      session,
      filter,
      notify: (notification) => heard.push(notification),
    },
    catalog,
    tokens,
  );
  return { a, b, catalog, heard, open, acknowledged: await open.acknowledged };
}

const updated = (uri: string): ProviderEvent => ({ kind: 'resource-updated', uri, params: { uri } });
const message = (level: string): ModelNotification => ({
  method: 'notifications/message',
  params: { level, data: 'x' },
});

describe('the interests of one client', () => {
  it('go to the providers they concern, and end with the client', async () => {
    const { a, b, open, acknowledged, heard } = await listening({ resourceSubscriptions: ['a://x', 'nobody://x'] });
    expect(acknowledged).toEqual({ resourceSubscriptions: ['a://x'] });
    expect([a.interests.size, b.interests.size]).toEqual([1, 0]);
    open.close();
    a.raise(updated('a://x'));
    expect([a.interests.size, heard]).toEqual([0, []]);
  });

  it('end also where the client has gone before they were taken', async () => {
    const { a, catalog } = await listening({});
    const open = listen(
      {
        client: { family: 'modern', revision: '2026-07-28', capabilities: {} },
        route: { provider: undefined },
        principal,
        session: undefined,
        filter: { resourceSubscriptions: ['a://x'] },
        notify: () => {},
      },
      catalog,
      tokens,
    );
    open.close();
    await open.acknowledged;
    expect(a.interests.size).toBe(0);
  });

  it('move to a provider that takes the place of another', async () => {
    const { a, b, catalog, heard } = await listening({ resourceSubscriptions: ['a://x'] });
    const young = talkingProvider('a');
    catalog.replace([young.provider, b.provider], all);
    await eventually(() => young.interests.size === 1);
    expect(a.interests.size).toBe(0);
    young.raise(updated('a://x'));
    expect(heard).toEqual([{ method: 'notifications/resources/updated', params: { uri: 'a://x' } }]);
    catalog.replace([b.provider], all);
    expect(heard).toHaveLength(1);
  });

  it('hear nothing any more of what the principal may no longer read', async () => {
    const { a, b, catalog, heard } = await listening({ resourceSubscriptions: ['a://x'], toolsListChanged: true });
    catalog.replace([a.provider, b.provider], compilePolicy([{ role: 'r', allow: ['b:*'] }]));
    const before = heard.length;
    a.raise(updated('a://x'));
    a.raise({ kind: 'snapshot', lists: ['tools'] });
    expect(heard).toHaveLength(before);
  });

  it('on a route of one provider hear that one only', async () => {
    const { a, b, heard } = await listening({ toolsListChanged: true, promptsListChanged: true }, { provider: 'a' });
    b.raise({ kind: 'snapshot', lists: ['tools'] });
    a.raise({ kind: 'snapshot', lists: ['tools', 'resources', 'prompts'] });
    expect(heard.map(({ method }) => method)).toEqual([
      'notifications/tools/list_changed',
      'notifications/prompts/list_changed',
    ]);
  });
});

describe('notifications that belong to no call', () => {
  it('go to legacy sessions only, each to its own, from the level on that it set', async () => {
    const legacy = await listening({ logLevel: 'warning' }, { session: 's1' });
    expect([legacy.a.interests.size, legacy.b.interests.size]).toEqual([1, 1]);
    const say = (notification: ModelNotification, sessionKey?: string) =>
      legacy.a.raise({ kind: 'notification', notification, ...(sessionKey === undefined ? {} : { sessionKey }) });
    say(message('info'));
    say(message('error'));
    say(message('error'), 's2');
    say(message('critical'), 's1');
    say(message('unheard-of'));
    say({ method: 'notifications/other', params: {} });
    expect(legacy.heard.map(({ method, params }) => params['level'] ?? method)).toEqual([
      'error',
      'critical',
      'unheard-of',
      'notifications/other',
    ]);
    const quiet = await listening({}, { session: 's1' });
    quiet.a.raise({ kind: 'notification', notification: message('emergency') });
    const modern = await listening({ logLevel: 'debug' });
    modern.a.raise({ kind: 'notification', notification: message('emergency') });
    expect([quiet.heard, modern.heard]).toEqual([[], []]);
  });
});
