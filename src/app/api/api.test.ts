import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { silentLogger } from '#kernel/telemetry/index.js';
import { eventually } from '../../../test/support/eventually.js';
import { WireClient } from '../../../test/support/mcp-wire.js';
import { loadSettings } from '../settings.js';
import { serve, type RunningServer } from '../serve/index.js';
import { apiRoutes, openApiDocument, RouteTable } from './index.js';
import { pageFrom } from './page.js';
import { problem } from './problem.js';
import { defineRoute } from './route.js';

const config = `
server: { port: 0 }
operations: { port: 0 }
audit: { flushMs: 10 }
modules: { example: {} }
access:
  - { role: owner, allow: ["*:*", "admin:*"] }
  - { role: keeper, allow: ["admin:keys/*"] }
  - { role: all, allow: ["*:*"] }
limits: { maxBodyBytes: 2000, maxJsonDepth: 8 }
log: { level: silent }
`;

let directory: string;
let server: RunningServer;
let client: WireClient;
const keys: Record<string, string> = {};
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'api-'));
  const file = join(directory, 'seaworthy.yaml');
  await writeFile(file, config);
  server = await serve(loadSettings({ file, environment: {} }), { logger: silentLogger, environment: {} });
  const { hostname, port } = new URL(server.url);
  client = new WireClient(hostname, Number(port));
  for (const role of ['keeper', 'all']) keys[role] = (await server.gateway.keys.create(role, [role])).key;
  keys['owner'] = server.apiKey ?? '';
});
afterAll(async () => {
  client.close();
  await server.stop();
  await rm(directory, { recursive: true, force: true });
});

interface Sent {
  readonly role?: string;
  readonly body?: object | string;
  readonly headers?: Record<string, string>;
}
async function send(method: string, path: string, { role = 'owner', body, headers }: Sent = {}) {
  const reply = await client.send({
    method,
    path: `/api/v1${path}`,
    headers: {
      'x-api-key': keys[role] ?? role,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body }),
  });
  // An answer is loosely typed here: what is asserted is compared.
  const json = JSON.parse(reply.text) as Record<string, unknown> & { items: Record<string, unknown>[] };
  if (reply.status >= 400) {
    expect(reply.headers['content-type']).toBe('application/problem+json');
    expect(problem.parse(json).status).toBe(reply.status);
  }
  return { ...reply, json };
}

describe('keys', () => {
  it('are made, work at once, are listed without the secret, and end at once', async () => {
    const made = await send('POST', '/keys', { body: { name: 'robot', roles: ['all'] } });
    expect(made).toMatchObject({ status: 201, json: { name: 'robot', roles: ['all'], revokedAt: null } });
    const { key, id } = made.json as unknown as { key: string; id: string };
    keys['robot'] = key;
    expect((await send('GET', '/whoami', { role: 'robot' })).json).toEqual({
      ...{ id: `key:${id}`, kind: 'key', name: 'robot', roles: ['all'] },
    });
    const listed = await send('GET', '/keys');
    expect(listed.json.items.map(({ name }) => name)).toContain('robot');
    expect(listed.text).not.toContain(key);
    expect(listed.text).not.toContain('hash');
    expect((await send('DELETE', `/keys/${id}`)).json).toEqual({ id, revoked: true });
    expect((await send('GET', '/whoami', { role: 'robot' })).status).toBe(401);
    expect((await send('DELETE', `/keys/${id}`)).json).toMatchObject({ status: 404, code: 'SW_KEY_UNKNOWN' });
  });

  it('do not let their keeper become more than it is', async () => {
    const refused = await send('POST', '/keys', { role: 'keeper', body: { name: 'x', roles: ['owner'] } });
    expect(refused.json).toMatchObject({ status: 403, code: 'SW_ACCESS_DENIED' });
    const own = await send('POST', '/keys', { role: 'keeper', body: { name: 'x', roles: ['keeper'] } });
    expect(own.status).toBe(201);
  });

  it('are rotated: the new secret works, and the old one for the overlap alone', async () => {
    const { json } = await send('POST', '/keys', { body: { name: 'turning', roles: ['all'] } });
    const { id } = json as unknown as { id: string };
    keys['old'] = json['key'] as string;
    const stranger = await send('POST', `/keys/${id}/rotate`, { role: 'keeper', body: {} });
    expect(stranger.json).toMatchObject({ status: 403, code: 'SW_ACCESS_DENIED' });
    const first = await send('POST', `/keys/${id}/rotate`, { body: { overlapMs: 600_000 } });
    keys['new'] = first.json['key'] as string;
    for (const role of ['old', 'new']) expect((await send('GET', '/whoami', { role })).status).toBe(200);
    expect((await send('POST', `/keys/${id}/rotate`, { body: {} })).status).toBe(200);
    for (const role of ['old', 'new']) expect((await send('GET', '/whoami', { role })).status).toBe(401);
    expect((await send('POST', '/keys/none/rotate', { body: {} })).json).toMatchObject({ code: 'SW_KEY_UNKNOWN' });
  });

  it('that are bound to scopes give on these alone', async () => {
    const { json } = await send('POST', '/keys', { body: { name: 'bound', roles: ['keeper'], scopes: ['a', 'b'] } });
    keys['bound'] = json['key'] as string;
    const make = (scopes?: string[]) => send('POST', '/keys', { role: 'bound', body: { name: 'x', scopes } });
    expect((await make()).status).toBe(403);
    expect((await make(['a', 'c'])).status).toBe(403);
    expect((await make(['a'])).json).toMatchObject({ scopes: ['a'] });
  });

  it('come in pages', async () => {
    const seen: unknown[] = [];
    let cursor = '';
    do {
      const { json } = await send('GET', `/keys?limit=1${cursor && `&cursor=${cursor}`}`);
      expect(json.items.length).toBe(1);
      seen.push(json.items[0]?.['id']);
      cursor = (json['nextCursor'] as string | undefined) ?? '';
    } while (cursor !== '');
    expect(seen).toEqual((await server.gateway.keys.list()).map(({ id }) => id));
    expect((await send('GET', '/keys?cursor=gone')).json).toMatchObject({ status: 400, code: 'SW_CURSOR_INVALID' });
    expect(pageFrom([], { limit: 1 })).toEqual({ items: [] });
  });
});

describe('providers and audit', () => {
  it('shows providers with their state', async () => {
    await eventually(() => server.gateway.catalog.settled);
    const { json } = await send('GET', '/providers');
    expect(json.items).toMatchObject([
      { id: 'example', status: 'healthy', lists: { tools: expect.any(Number) as number } },
    ]);
    expect((await send('GET', '/providers/example')).json).toEqual(json.items[0]);
    expect((await send('GET', '/providers/none')).json).toMatchObject({ status: 404, code: 'SW_PROVIDER_UNKNOWN' });
  });

  it('shows the records of its own requests, allowed and refused', async () => {
    await send('GET', '/providers', { role: 'all' });
    await eventually(async () => {
      const { json } = await send('GET', '/audit?code=SW_ACCESS_DENIED&principal=all&limit=1');
      return json.items.length === 1 && json.items[0]?.['name'] === 'providers/read';
    });
    const { json } = await send('GET', '/audit?event=key.created&name=none');
    expect(json).toEqual({ items: [] });
  });
});

describe('what is refused', () => {
  it.each([
    ['no credential', 'GET', '/whoami', { role: 'swk_none' }, 401, 'SW_UNAUTHENTICATED'],
    ['an unknown path without credential', 'GET', '/none', { role: 'swk_none' }, 401, 'SW_UNAUTHENTICATED'],
    ['an unknown path', 'GET', '/none', {}, 404, 'SW_ROUTE_UNKNOWN'],
    ['a path with dots', 'GET', '/keys/../providers', {}, 400, 'SW_HTTP_MALFORMED'],
    ['an encoded path', 'GET', '/%6beys', {}, 404, 'SW_ROUTE_UNKNOWN'],
    ['a doubled slash', 'GET', '//keys', {}, 400, 'SW_HTTP_MALFORMED'],
    ['another method', 'PUT', '/keys', {}, 405, 'SW_HTTP_METHOD'],
    [
      'another method in a header',
      'GET',
      '/keys?x=1',
      { headers: { 'x-http-method-override': 'POST' } },
      400,
      'SW_REST_INVALID',
    ],
    ['a repeated parameter', 'GET', '/keys?limit=1&limit=2', {}, 400, 'SW_REST_INVALID'],
    ['a limit that is too large', 'GET', '/keys?limit=1000', {}, 400, 'SW_REST_INVALID'],
    ['an unknown member', 'POST', '/keys', { body: { name: 'x', hash: 'y' } }, 400, 'SW_REST_INVALID'],
    ['a repeated member', 'POST', '/keys', { body: '{"name":"x","name":"y"}' }, 400, 'SW_JSON_DUPLICATE_KEY'],
    ['deep JSON', 'POST', '/keys', { body: `{"name":${'['.repeat(20)}${']'.repeat(20)}}` }, 400, 'SW_JSON_TOO_DEEP'],
    ['a large body', 'POST', '/keys', { body: { name: 'x'.repeat(3000) } }, 413, 'SW_BODY_TOO_LARGE'],
    [
      'a form',
      'POST',
      '/keys',
      { body: 'name=x', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
      415,
      'SW_MEDIA_TYPE',
    ],
    [
      'plain text, as a page may send',
      'POST',
      '/keys',
      { body: '{"name":"x"}', headers: { 'content-type': 'text/plain' } },
      415,
      'SW_MEDIA_TYPE',
    ],
    ['a foreign host', 'GET', '/whoami', { headers: { host: 'evil.example' } }, 403, 'SW_HOST_REFUSED'],
    ['a foreign origin', 'GET', '/whoami', { headers: { origin: 'https://evil.example' } }, 403, 'SW_ORIGIN_REFUSED'],
    ['everything that servers offer, but not us', 'GET', '/keys', { role: 'all' }, 403, 'SW_ACCESS_DENIED'],
  ] as const)('%s', async (_what, method, path, sent, status, code) => {
    const before = (await server.gateway.keys.list()).length;
    expect((await send(method, path, sent)).json).toMatchObject({ status, code });
    expect(await server.gateway.keys.list()).toHaveLength(before);
  });

  it('names the methods that there are', async () => {
    expect((await send('PATCH', '/keys')).headers.allow).toBe('GET, POST');
  });

  it('a server that has our name in rules', async () => {
    const file = join(directory, 'reserved.yaml');
    await writeFile(file, `${config}\ndataDir: reserved\nmcpServers: { admin: { url: "http://127.0.0.1:1/mcp" } }`);
    await expect(
      serve(loadSettings({ file, environment: {} }), { logger: silentLogger, environment: {} }),
    ).rejects.toMatchObject({ code: 'SW_CONFIG_INVALID' });
  });
});

describe('the table', () => {
  const route = defineRoute({
    ...{ method: 'GET', path: '/x/{id}', summary: 'X', admission: 'x/read', answer: z.strictObject({}) },
    params: z.strictObject({ id: z.string() }),
    handle: () => ({}),
  });

  it('takes no route without admission, and none twice', () => {
    for (const admission of ['', undefined, 'x', 'x/all'])
      expect(() => new RouteTable([{ ...route, admission } as unknown as typeof route])).toThrow(/admission/);
    expect(() => new RouteTable([route, { ...route, path: '/x/{name}' }])).toThrow(/twice/);
  });

  it('is described by OpenAPI, every route with its admission', async () => {
    const served = JSON.parse((await client.send({ method: 'GET', path: '/openapi.json' })).text) as unknown;
    expect(served).toEqual(JSON.parse(JSON.stringify(openApiDocument(apiRoutes))));
    const { paths } = served as { paths: Record<string, Record<string, { 'x-admission'?: string }>> };
    for (const { path, method, admission } of apiRoutes)
      expect(paths[`/api/v1${path}`]?.[method.toLowerCase()]?.['x-admission']).toBe(
        admission === 'authenticated' ? admission : `admin:${admission}`,
      );
    expect(paths['/api/v1/keys']).toMatchObject({
      get: { parameters: [{ name: 'limit', in: 'query', required: false }, { name: 'cursor' }] },
      post: { requestBody: { content: { 'application/json': { schema: { required: ['name'] } } } } },
    });
    expect(paths['/api/v1/keys/{id}']).toMatchObject({
      delete: { parameters: [{ name: 'id', in: 'path', required: true }] },
    });
  });
});
