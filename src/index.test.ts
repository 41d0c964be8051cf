import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { tool } from '#gateway/modules/index.js';
import { silentLogger } from '#kernel/telemetry/index.js';
import { createServer, defineModule, type SeaworthyServer } from './index.js';

const greeter = defineModule({
  id: 'greeter',
  doc: 'Greets.',
  config: z.strictObject({ word: z.string().default('Hello') }),
  provision: (_ctx, { word }) => ({
    tools: [
      tool({
        annotations: { readOnlyHint: true },
        name: 'greet',
        description: 'Greets',
        input: z.object({ name: z.string() }),
        run: ({ name }) => `${word}, ${name}!`,
      }),
    ],
  }),
});

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'seaworthy-library-'));
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

/** Mounts a server beside a page of the program and posts one legacy request to a path. */
async function initializeAt(path: string, server: SeaworthyServer, headers: Record<string, string> = {}) {
  const http = createHttpServer((request, response) => {
    server.middleware(request, response, () => response.end('the program'));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } };
  const response = await fetch(`http://127.0.0.1:${String(port)}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params }),
  });
  const text = await response.text();
  await new Promise((resolve) => http.close(resolve));
  return { status: response.status, text };
}

describe('createServer', () => {
  it('serves modules of the program beside its own pages, to whoever has the first key', async () => {
    const access = [{ role: 'owner', allow: ['greeter:*'] }];
    const server = await createServer({ config: { dataDir, access }, modules: [greeter], logger: silentLogger });
    try {
      expect(server.apiKey).toMatch(/^swk_/);
      expect(server.owns('/mcp/greeter')).toBe(true);
      expect(await initializeAt('/elsewhere', server)).toMatchObject({ status: 200, text: 'the program' });
      expect(await initializeAt('/mcp', server)).toMatchObject({ status: 401 });
      const answer = await initializeAt('/mcp', server, { authorization: `Bearer ${server.apiKey ?? ''}` });
      expect(answer.status).toBe(200);
      expect(answer.text).toContain('"tools"');
    } finally {
      await server.close();
    }
  });

  it('takes the word of the program for who calls, and makes no key then', async () => {
    const principal = { id: 'user:1', kind: 'local', name: 'one', roles: ['owner'] } as const;
    const server = await createServer({
      config: { dataDir, modules: { greeter: { word: 'Ahoy' } }, access: [{ role: 'owner', allow: ['greeter:*'] }] },
      modules: [greeter],
      authenticator: { authenticate: () => principal },
      logger: silentLogger,
    });
    try {
      expect(server.apiKey).toBeUndefined();
      expect(await initializeAt('/mcp/greeter', server)).toMatchObject({ status: 200 });
    } finally {
      await server.close();
    }
  });

  it('refuses settings that do not fit', async () => {
    await expect(
      createServer({ config: { dataDir, modules: { greeter: { wrod: 1 } } }, modules: [greeter] }),
    ).rejects.toThrow(/greeter/);
  });
});
