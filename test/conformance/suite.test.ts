import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { runSuite } from './suite.js';

let server: Server | undefined;
afterEach(() => server?.close());

async function listenWith(status: number): Promise<string> {
  const listener = createServer((_request, response) => response.writeHead(status).end());
  server = listener;
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(listener.address() as AddressInfo).port}/mcp`;
}

describe('the judgement of the suite', { timeout: 120_000 }, () => {
  it('refuses an address where nothing listens', async () => {
    const url = await listenWith(404);
    server?.close();
    await expect(runSuite(url, '2026-07-28')).rejects.toThrow('unreachable');
  });

  it.each(['2025-06-18', '2025-11-25', '2026-07-28'] as const)(
    'gives a server that knows nothing no point at %s',
    async (revision) => {
      const { results } = await runSuite(await listenWith(404), revision);
      const scored = results.filter((result) => result.scored);
      expect(scored).toHaveLength({ '2025-06-18': 27, '2025-11-25': 30, '2026-07-28': 37 }[revision]);
      expect(scored.filter(({ verdict }) => verdict === 'pass')).toEqual([]);
    },
  );
});
