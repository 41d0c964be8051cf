import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineModule, tool } from '#gateway/modules/index.js';
import type { Authenticator } from '../auth/index.js';
import { startMcpHttp, type McpTestServer } from '../../../test/support/mcp-http.js';

const ran: string[] = [];
const toolNamed = (name: string, readOnlyHint: boolean, scopes: string[] = []) =>
  tool({
    name,
    description: name,
    input: z.object({ path: z.string().optional() }),
    annotations: { readOnlyHint },
    scopes,
    run: () => {
      ran.push(name);
      return name;
    },
  });
const shelf = defineModule({
  id: 'shelf',
  doc: 'Tools with annotations and scopes.',
  config: z.strictObject({}),
  scopes: { 'shelf:write': 'Change things' },
  provision: () => ({
    tools: [toolNamed('look', true), toolNamed('put', false), toolNamed('burn', false, ['shelf:write'])],
  }),
});

/** Credentials are `role/scope,scope`. */
const authenticator: Authenticator = {
  authenticate: ({ header }) => {
    const [role = '', scopes] = (header('x-api-key') ?? '').split('/');
    return {
      id: role,
      kind: 'oauth',
      name: role,
      roles: [role],
      ...(scopes !== undefined && { scopes: scopes.split(',') }),
    };
  },
};

let server: McpTestServer;
beforeAll(async () => {
  server = await startMcpHttp({
    modules: [shelf],
    authenticator,
    access: [
      { role: 'careful', allow: ['shelf:*'], when: 'tool.annotations.readOnlyHint' },
      { role: 'homely', allow: ['shelf:put'], when: 'args.path.startsWith("/home/")' },
      { role: 'writer', allow: ['shelf:*'] },
    ],
  });
});
afterAll(() => server.close());

const as = (credential: string) => ({ headers: { authorization: undefined, 'x-api-key': credential } });
const listed = async (credential: string) => {
  const { json } = await server.call('tools/list', {}, as(credential));
  return (json?.['result'] as { tools: { name: string }[] }).tools.map(({ name }) => name);
};
const calling = async (credential: string, name: string, args: object = {}) => {
  ran.length = 0;
  const { json } = await server.call('tools/call', { name: `shelf__${name}`, arguments: args }, as(credential));
  return {
    json,
    ran: [...ran],
    code: (json?.['error'] as { data?: { code?: string } } | undefined)?.data?.code,
  };
};

describe('conditions', () => {
  it('on annotations filter lists and decide calls alike', async () => {
    expect(await listed('careful')).toEqual(['shelf__look']);
    expect((await calling('careful', 'look')).ran).toEqual(['look']);
    expect(await calling('careful', 'put')).toMatchObject({ code: 'SW_TOOL_UNKNOWN', ran: [] });
  });

  it('on arguments show the tool and decide each call', async () => {
    expect(await listed('homely')).toEqual(['shelf__put']);
    expect((await calling('homely', 'put', { path: '/home/a' })).ran).toEqual(['put']);
    expect(await calling('homely', 'put', { path: '/etc/a' })).toMatchObject({ code: 'SW_ACCESS_DENIED', ran: [] });
    expect(await calling('homely', 'put')).toMatchObject({ code: 'SW_ACCESS_DENIED', ran: [] });
  });
});

describe('scopes', () => {
  it('of a tool are demanded of credentials that have scopes, with all that the call needs', async () => {
    expect(await listed('writer/other')).toContain('shelf__burn');
    const refused = await calling('writer/other', 'burn');
    expect(refused).toMatchObject({ code: 'SW_SCOPE_INSUFFICIENT', ran: [] });
    expect(JSON.stringify(refused.json)).toContain('"scopes":["shelf:write"]');
    expect((await calling('writer/shelf:write', 'burn')).ran).toEqual(['burn']);
    expect((await calling('writer', 'burn')).ran).toEqual(['burn']);
  });
});
