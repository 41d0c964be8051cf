import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createUpstream } from '#gateway/upstreams/index.js';
import { silentLogger } from '#kernel/telemetry/index.js';
import { extension, type JsonObject } from '#protocol/model/index.js';
import { startMcpHttp, type McpTestServer } from '../support/mcp-http.js';
import { appsOverStdio } from '../support/upstream-servers.js';

const uri = 'ui://dashboard/main.html';
const capabilities = { extensions: { [extension.ui]: { mimeTypes: ['text/html;profile=mcp-app'] } } };

/** Two servers with the same URIs: the names of one would hide the other. One speaks the older family. */
let server: McpTestServer;
beforeAll(async () => {
  const options = { logger: silentLogger, environment: process.env };
  const providers = [
    createUpstream('crm', appsOverStdio('crm', 'modern'), options),
    createUpstream('wiki', appsOverStdio('wiki', 'legacy'), options),
  ];
  server = await startMcpHttp({ providers });
  await server.catalog.started();
});
afterAll(() => server.close());

/** Asks as a client of either family and returns the result. */
const clients = {
  modern: async (method: string, params: object, provider?: string): Promise<JsonObject> => {
    const { json, text } = await server.call(method, params, { capabilities, ...(provider ? { provider } : {}) });
    if (!json?.result) throw new Error(text);
    return json.result;
  },
  legacy: async (method: string, params: object, provider?: string): Promise<JsonObject> => {
    const session = await server.session({ capabilities, ...(provider ? { provider } : {}) });
    return session.result(method, params);
  },
};
type Item = { name: string; uri: string; uriTemplate: string; _meta?: JsonObject };

for (const family of ['modern', 'legacy'] as const)
  describe(`MCP Apps of several servers, for a ${family} client`, () => {
    const ask = clients[family];

    for (const provider of ['crm', 'wiki'])
      describe(`that is a member of all (${provider})`, () => {
        const shown = `ui://${provider}/dashboard/main.html`;

        it('are named apart in lists', async () => {
          const { tools } = (await ask('tools/list', {})) as { tools: Item[] };
          expect(tools.find(({ name }) => name === `${provider}__show`)?._meta).toMatchObject({
            ui: { resourceUri: shown, visibility: ['model'] },
            'ui/resourceUri': shown,
          });
          const { resources } = (await ask('resources/list', {})) as { resources: Item[] };
          expect(resources.map((resource) => resource.uri)).toContain(shown);
          const { resourceTemplates } = (await ask('resources/templates/list', {})) as { resourceTemplates: Item[] };
          expect(resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toContain(`ui://${provider}/panel/{id}`);
        });

        it('are read by the name shown, and say it again', async () => {
          const { contents } = await ask('resources/read', { uri: shown });
          expect(contents).toEqual([
            {
              uri: shown,
              mimeType: 'text/html;profile=mcp-app',
              // The page itself is the server's: nothing inside it is touched.
              text: `<html>${provider} ${uri}</html>`,
              _meta: { ui: { csp: { connectDomains: ['https://x.example'] } } },
            },
          ]);
          const panel = await ask('resources/read', { uri: `ui://${provider}/panel/7` });
          expect(panel).toMatchObject({ contents: [{ uri: `ui://${provider}/panel/7`, text: provider }] });
        });

        it('are named so in the results of tools and prompts, and nothing else is', async () => {
          const result = await ask('tools/call', { name: `${provider}__show`, arguments: {} });
          expect(result).toMatchObject({
            content: [
              { text: `${provider} says ${uri}` },
              { uri: shown },
              { resource: { uri: shown, text: `<a href="${uri}">${provider}</a>` } },
              { uri: 'note://plain' },
            ],
            structuredContent: { seen: uri },
            _meta: { ui: { resourceUri: shown } },
          });
          const prompt = await ask('prompts/get', { name: `${provider}__explain`, arguments: {} });
          expect(prompt).toMatchObject({ messages: [{ content: { resource: { uri: shown } } }] });
        });

        it('are completed by the template shown', async () => {
          const ref = { type: 'ref/resource', uri: `ui://${provider}/panel/{id}` };
          const { completion } = await ask('completion/complete', { ref, argument: { name: 'id', value: '' } });
          expect(completion).toMatchObject({ values: [`${provider}-1`] });
        });

        it('keep their own names at the route of one server', async () => {
          const { tools } = (await ask('tools/list', {}, provider)) as { tools: Item[] };
          expect(tools.find(({ name }) => name === 'show')?._meta).toMatchObject({ ui: { resourceUri: uri } });
          const read = await ask('resources/read', { uri }, provider);
          expect(read).toMatchObject({ contents: [{ uri, text: `<html>${provider} ${uri}</html>` }] });
          const called = await ask('tools/call', { name: 'show', arguments: {} }, provider);
          expect(called).toMatchObject({ _meta: { ui: { resourceUri: uri } } });
        });

        it('are told that the client can show them', async () => {
          const { content } = await ask('tools/call', { name: `${provider}__declared`, arguments: {} });
          expect(JSON.parse((content as { text: string }[])[0]?.text ?? '')).toMatchObject(capabilities);
        });
      });

    it('are refused under a name that says no server', async () => {
      await expect(ask('resources/read', { uri })).rejects.toThrow('SW_RESOURCE_UNKNOWN');
    });
  });

it('offers the extension of its members to both families', async () => {
  const discover = await clients.modern('server/discover', {});
  const { initialized } = await server.session({});
  for (const said of [discover, initialized])
    expect(said['capabilities']).toMatchObject({ extensions: { [extension.ui]: {} } });
});
