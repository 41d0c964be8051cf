import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '#protocol/model/index.js';
import { compilePolicy, type Rights } from '../policy/index.js';
import { nameProblems, prefixedName, View, type ProviderSnapshot } from './index.js';

const rightsOf = (...allow: string[]): Rights =>
  compilePolicy([{ role: 'r', allow }]).rightsOf({ id: 'p', kind: 'key', name: 'p', roles: ['r'] });
const everything = rightsOf('*:*');

const snapshot = (provider: string, offered: Partial<ProviderSnapshot> = {}): ProviderSnapshot => ({
  provider,
  family: 'modern',
  at: 0,
  hash: provider,
  serverInfo: { name: provider, version: '1' },
  capabilities: {},
  instructions: undefined,
  tools: [],
  prompts: [],
  resources: [],
  resourceTemplates: [],
  ttlMs: 1000,
  cacheScope: 'public',
  ...offered,
});

const tool = (name: string): ProviderSnapshot['tools'][number] => ({ name, inputSchema: { type: 'object' } });
const resource = (uri: string): ProviderSnapshot['resources'][number] => ({ uri, name: uri });
const template = (uriTemplate: string): ProviderSnapshot['resourceTemplates'][number] => ({
  uriTemplate,
  name: uriTemplate,
});

const options = { pageSize: 100, serverInfo: { name: 'gateway', version: '1' }, private: false };
const view = (
  snapshots: readonly ProviderSnapshot[],
  rights = everything,
  missing: readonly string[] = [],
  pageSize = 100,
) => new View(snapshots, rights, true, missing, { ...options, pageSize });

describe('names of a merged view', () => {
  it('carry their provider, in the order of the configuration', () => {
    const merged = view([snapshot('b', { tools: [tool('x'), tool('a')] }), snapshot('a', { tools: [tool('x')] })]);
    expect([...merged.tools.keys()]).toEqual(['b__x', 'b__a', 'a__x']);
    expect(merged.tools.get('a__x')).toMatchObject({
      provider: 'a',
      name: 'x',
      item: { name: 'x' },
      shown: { name: 'a__x' },
    });
  });

  it('stay as they are on a route of one provider', () => {
    const alone = new View([snapshot('a', { tools: [tool('x')] })], everything, false, [], options);
    expect([...alone.tools.keys()]).toEqual(['x']);
  });

  it('of duplicates of one provider: the first wins', () => {
    const merged = view([
      snapshot('a', {
        tools: [
          { ...tool('x'), title: 'first' },
          { ...tool('x'), title: 'second' },
        ],
      }),
    ]);
    expect(merged.tools.get('a__x')?.item).toMatchObject({ title: 'first' });
  });

  it('are stable, distinct, and never longer than 64 characters', () => {
    const id = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,31}$/);
    const name = fc.stringMatching(/^[A-Za-z0-9_.-]{1,128}$/);
    fc.assert(
      fc.property(id, name, (provider, own) => {
        const shown = prefixedName(provider, own);
        expect(shown.length).toBeLessThanOrEqual(64);
        expect(prefixedName(provider, own)).toBe(shown);
        expect(shown.startsWith(provider)).toBe(true);
      }),
    );
    fc.assert(
      fc.property(id, fc.uniqueArray(name, { minLength: 2, maxLength: 20 }), (provider, names) => {
        expect(new Set(names.map((own) => prefixedName(provider, own))).size).toBe(names.length);
      }),
    );
  });

  it('that were cut still find their tool, and are told to doctor', () => {
    const long = 'n'.repeat(100);
    const given = [snapshot('a', { tools: [tool(long), tool(`${long}2`), tool('short')] })];
    const merged = view(given);
    expect(merged.tools.get(prefixedName('a', long))?.name).toBe(long);
    expect(merged.tools.size).toBe(3);
    expect(nameProblems(given).map(({ name }) => name)).toEqual([long, `${long}2`]);
  });

  it('are only those that the rights admit', () => {
    const given = [
      snapshot('a', { tools: [tool('x'), tool('y')], prompts: [{ name: 'x' }], resources: [resource('a:x')] }),
      snapshot('b', { tools: [tool('x')] }),
    ];
    const seen = view(given, rightsOf('a:tools/x', 'a:resources/*'));
    expect([[...seen.tools.keys()], [...seen.prompts.keys()], [...seen.resources.keys()]]).toEqual([
      ['a__x'],
      [],
      ['a:x'],
    ]);
  });
});

describe('the provider of a URI', () => {
  const merged = view([
    snapshot('files', {
      resources: [resource('file:///a'), resource('same://x')],
      resourceTemplates: [template('file:///{+path}'), template('both://{x}')],
    }),
    snapshot('git', {
      resources: [resource('git://repo'), resource('same://x')],
      resourceTemplates: [template('both://{x}/log')],
    }),
    snapshot('empty'),
  ]);
  const cases: readonly (readonly [string, string, { provider: string; uri: string } | undefined])[] = [
    ['listed', 'file:///a', { provider: 'files', uri: 'file:///a' }],
    ['matching a template', 'file:///deep/down', { provider: 'files', uri: 'file:///deep/down' }],
    ['listed by two, shown with its provider', 'files+same://x', { provider: 'files', uri: 'same://x' }],
    ['listed by two, the other', 'git+same://x', { provider: 'git', uri: 'same://x' }],
    ['written with a provider', 'empty+anything://y', { provider: 'empty', uri: 'anything://y' }],
    ['of a scheme that one alone uses', 'git://other', { provider: 'git', uri: 'git://other' }],
    ['matching two templates', 'both://a/log', undefined],
    ['listed by two, without its provider', 'same://x', undefined],
    ['of a scheme of nobody', 'nobody://x', undefined],
    ['written with somebody unknown', 'unknown+file:///a', undefined],
    ['without a scheme', 'plain', undefined],
    ['empty', '', undefined],
  ];
  it.each(cases)('%s: %s', (_name, uri, expected) => {
    if (expected) expect(merged.resolveUri(uri)).toEqual(expected);
    else expect(() => merged.resolveUri(uri)).toThrow(expect.objectContaining({ code: 'SW_RESOURCE_UNKNOWN' }));
  });

  it('is the only one there is', () => {
    expect(view([snapshot('one')]).resolveUri('any://thing')).toEqual({ provider: 'one', uri: 'any://thing' });
  });
});

describe('what a view says of itself', () => {
  const discover = (...given: ProviderSnapshot[]) => view(given).discover;

  it('offers what any member offers, and no tasks of the old kind', () => {
    const { capabilities } = discover(
      snapshot('a', { capabilities: { tools: { listChanged: false }, tasks: {}, extensions: { x: {} } } }),
      snapshot('b', {
        capabilities: { tools: { listChanged: true }, resources: { subscribe: true }, extensions: { y: {} } },
      }),
    );
    expect(capabilities).toEqual({
      tools: { listChanged: true },
      resources: { subscribe: true },
      extensions: { x: {}, y: {} },
    });
  });

  it('is as careful as the most careful member', () => {
    expect(discover(snapshot('a'), snapshot('b', { ttlMs: 5 }))).toMatchObject({ ttlMs: 5, cacheScope: 'public' });
    expect(discover(snapshot('a'), snapshot('b', { cacheScope: 'private' }))).toMatchObject({ cacheScope: 'private' });
    expect(discover()).toMatchObject({ ttlMs: 0 });
  });

  it('joins instructions up to a bound', () => {
    const both = discover(
      snapshot('a', { instructions: 'Do a.' }),
      snapshot('b'),
      snapshot('c', { instructions: 'x'.repeat(20_000) }),
    );
    expect(both['instructions']).toMatch(/^a:\nDo a\.\n\nc:\nx/);
    expect(String(both['instructions']).length).toBe(8192);
    expect(discover(snapshot('a'))).not.toHaveProperty('instructions');
  });

  it('names who is away, for as long as it is', () => {
    const listed = view([snapshot('a')]);
    const metaOf = (unavailable: readonly string[]) =>
      listed.list('tools/list', 'modern', undefined, unavailable).toObject()['_meta'] ?? {};
    expect(metaOf([])).not.toHaveProperty(['dev.seaworthy/unavailableProviders']);
    expect(metaOf(['b'])).toMatchObject({ 'dev.seaworthy/unavailableProviders': ['b'] });
    expect(metaOf(['b', 'c'])).toMatchObject({ 'dev.seaworthy/unavailableProviders': ['b', 'c'] });
    expect(metaOf([])).not.toHaveProperty(['dev.seaworthy/unavailableProviders']);
  });
});

describe('pages', () => {
  it('together are the list, whatever their size and whichever the family', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 40 }),
        fc.integer({ min: 1, max: 50 }),
        fc.constantFrom('modern', 'legacy'),
        (count, pageSize, family) => {
          const tools = Array.from({ length: count }, (_, i) => tool(`t${i}`));
          const listed = view([snapshot('a', { tools })], everything, [], pageSize);
          const names: unknown[] = [];
          let cursor: unknown;
          let pages = 0;
          do {
            const page = listed.list('tools/list', family, cursor, []).toObject();
            names.push(...(page['tools'] as JsonObject[]).map(({ name }) => name));
            cursor = page['nextCursor'];
            pages++;
          } while (cursor !== undefined);
          expect(names).toEqual(tools.map(({ name }) => `a__${name}`));
          expect(pages).toBe(Math.max(1, Math.ceil(count / pageSize)));
        },
      ),
    );
  });

  it('are written once', () => {
    const listed = view([snapshot('a', { tools: [tool('x')] })]);
    expect(listed.list('tools/list', 'modern', undefined, [])).toBe(listed.list('tools/list', 'modern', undefined, []));
  });

  it('refuse a cursor of another list, another time, or nobody', () => {
    const tools = ['x', 'y', 'z'].map(tool);
    const resources = ['a:1', 'a:2', 'a:3'].map(resource);
    const listed = view([snapshot('a', { tools, resources })], everything, [], 1);
    const { nextCursor } = listed.list('tools/list', 'modern', undefined, []).toObject();
    const changed = view([snapshot('a', { tools: [...tools, tool('w')], resources })], everything, [], 1);
    expect(() => listed.list('resources/list', 'modern', nextCursor, [])).toThrow();
    expect(() => changed.list('tools/list', 'modern', nextCursor, [])).toThrow();
    const forge = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const [, , version] = JSON.parse(Buffer.from(String(nextCursor), 'base64url').toString()) as unknown[];
    for (const cursor of [
      '',
      'x',
      7,
      null,
      {},
      [],
      forge(null),
      forge([]),
      forge(['tools/list', 9, version]),
      forge(['tools/list', -1, version]),
      forge(['tools/list', 1.5, version]),
      forge(['tools/list', 1e99, version]),
    ])
      expect(() => listed.list('tools/list', 'modern', cursor, []), JSON.stringify(cursor)).toThrow(
        expect.objectContaining({ code: 'SW_CURSOR_INVALID' }),
      );
    fc.assert(
      fc.property(fc.string(), (cursor) => {
        if (cursor !== nextCursor) expect(() => listed.list('tools/list', 'modern', cursor, [])).toThrow();
      }),
    );
  });
});
