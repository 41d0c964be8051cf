import { describe, expect, it } from 'vitest';
import { silentLogger } from '#kernel/telemetry/index.js';
import { PeerError, RawResult } from '#protocol/jsonrpc/index.js';
import type { JsonObject } from '#protocol/model/index.js';
import { upstreamContext } from './config.js';
import { changedLists, readSnapshot, type ReadPage } from './lists.js';

const limits = { maxListItems: 5, maxListPages: 3, maxListBytes: 2000 };
const lists = { legacyTtlMs: 1234 };
const context = upstreamContext('up', { url: 'http://127.0.0.1' }, { logger: silentLogger, limits, lists });
const facts = (capabilities: JsonObject) => ({
  revision: '2026-07-28' as const,
  serverInfo: undefined,
  capabilities,
  instructions: undefined,
});
const raw = (value: object) => new RawResult(Buffer.from(JSON.stringify(value)));
const tool = (name: string, description = '') => ({ name, description, inputSchema: { type: 'object' } });
const read = (capabilities: JsonObject, page: ReadPage, previous?: Awaited<ReturnType<typeof readSnapshot>>) =>
  readSnapshot(context, 'modern', facts(capabilities), page, previous);

describe('reading the lists of an upstream', () => {
  it('follows every cursor, the empty one too, and keeps the order', async () => {
    const pages: Record<string, object> = {
      start: { tools: [tool('b')], nextCursor: '', ttlMs: 500, cacheScope: 'public' },
      '': { tools: [tool('a')], nextCursor: 'x', ttlMs: 90, cacheScope: 'public' },
      x: { tools: [tool('c')], ttlMs: 700, cacheScope: 'public' },
    };
    const snapshot = await read({ tools: {} }, async (_method, { cursor }) =>
      raw(pages[typeof cursor === 'string' ? cursor : 'start'] ?? {}),
    );
    expect(snapshot.tools.map(({ name }) => name)).toEqual(['b', 'a', 'c']);
    expect(snapshot).toMatchObject({ ttlMs: 90, cacheScope: 'public' });
  });

  it('asks only for what the server offers', async () => {
    const asked: string[] = [];
    await read({ resources: {} }, async (method) => {
      asked.push(method);
      return raw({ resources: [], resourceTemplates: [] });
    });
    expect(asked).toEqual(['resources/list', 'resources/templates/list']);
  });

  it.each<[string, string, ReadPage]>([
    [
      'has too many items',
      'SW_LISTS_TOO_LARGE',
      async () => raw({ tools: ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => tool(name)) }),
    ],
    [
      'has too many pages',
      'SW_LISTS_TOO_LARGE',
      async (_, { cursor }) => raw({ tools: [], nextCursor: `${String(cursor)}1` }),
    ],
    ['has too many bytes', 'SW_LISTS_TOO_LARGE', async () => raw({ tools: [tool('a', 'x'.repeat(2000))] })],
    ['gives the same cursor again', 'SW_UPSTREAM_PROTOCOL', async () => raw({ tools: [], nextCursor: 'x' })],
    [
      'goes round in a circle',
      'SW_UPSTREAM_PROTOCOL',
      async (_, { cursor }) => raw({ tools: [], nextCursor: cursor === '' ? 'x' : '' }),
    ],
    ['is missing', 'SW_UPSTREAM_PROTOCOL', async () => raw({})],
  ])('refuses a list that %s', async (_what, code, page) => {
    await expect(read({ tools: {} }, page)).rejects.toMatchObject({ code });
  });

  it('starts over, once, where the server takes a cursor back', async () => {
    const refusal = new PeerError({ code: -32602, message: 'the list has changed' });
    const answers = [
      raw({ tools: [tool('old')], nextCursor: 'a' }),
      refusal,
      raw({ tools: [tool('new')], nextCursor: 'b' }),
      raw({ tools: [tool('more')] }),
    ];
    const next: ReadPage = async () => {
      const answer = answers.shift();
      if (answer instanceof PeerError) throw answer;
      return answer ?? raw({});
    };
    expect((await read({ tools: {} }, next)).tools.map(({ name }) => name)).toEqual(['new', 'more']);
    const never: ReadPage = async (_, { cursor }) => {
      if (cursor !== undefined) throw refusal;
      return raw({ tools: [tool('a')], nextCursor: 'x' });
    };
    await expect(read({ tools: {} }, never)).rejects.toBe(refusal);
  });

  it('gives the lists of a legacy server the age that the configuration allows', async () => {
    const page: ReadPage = async () => raw({ tools: [tool('a')] });
    const snapshot = await readSnapshot(context, 'legacy', facts({ tools: {} }), page, undefined);
    expect(snapshot).toMatchObject({ ttlMs: 1234, cacheScope: 'private' });
    expect(await read({ tools: {} }, page)).toMatchObject({ ttlMs: 0, cacheScope: 'private' });
  });

  it('leaves out items without the members that they must have', async () => {
    const snapshot = await read({ tools: {} }, async () =>
      raw({ tools: [tool('a'), { name: 'b' }, null, { inputSchema: {} }] }),
    );
    expect(snapshot.tools.map(({ name }) => name)).toEqual(['a']);
  });

  it('keeps what a list had when the server refuses it, as long as another one can be read', async () => {
    const offers = { tools: {}, prompts: {} };
    const before = await read(offers, async (method) =>
      raw(method === 'tools/list' ? { tools: [tool('a')] } : { prompts: [{ name: 'p' }] }),
    );
    const refuse: ReadPage = async (method) => {
      if (method === 'prompts/list') throw new PeerError({ code: -32603, message: 'broken' });
      return raw({ tools: [tool('b')] });
    };
    const after = await read(offers, refuse, before);
    expect(after.prompts).toEqual(before.prompts);
    expect([...changedLists(before, after)]).toEqual(['tools']);
    const refuseAll: ReadPage = () => Promise.reject(new PeerError({ code: -32603, message: 'broken' }));
    await expect(read(offers, refuseAll, before)).rejects.toThrow(PeerError);
  });
});
