import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { startSeaworthy, type Seaworthy } from './seaworthy-process.js';

// Three starts of the whole program, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000 });

let running: Seaworthy | undefined;
const dataDir = mkdtempSync(join(tmpdir(), 'seaworthy-kept-'));
afterEach(async () => {
  await running?.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

it('starts the built program on free ports, makes a key once and keeps a data directory of the caller', async () => {
  running = await startSeaworthy({ config: { dataDir } });
  expect(running.apiKey).toBeTypeOf('string');
  expect((await fetch(running.url, { method: 'POST' })).status).toBe(401);
  expect((await fetch(`${running.operationsUrl}/metrics`)).status).toBe(200);
  expect(await running.stop()).toBe(0);

  running = await startSeaworthy({ config: { dataDir } });
  expect(running.apiKey).toBeUndefined();
  await running.kill();
  await expect(fetch(running.url)).rejects.toThrow();
  expect(existsSync(dataDir)).toBe(true);
});

it('shows why the program did not start', async () => {
  await expect(startSeaworthy({ config: { serve: {} } })).rejects.toThrow('SW_CONFIG_INVALID');
});
