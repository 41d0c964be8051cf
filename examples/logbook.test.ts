// A module is tested in process: no port, no client, and the clock stands still unless the test moves it.
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testModule } from 'seaworthy/testing';
import { expect, it } from 'vitest';
import logbook from './logbook.js';

it('writes once the user agrees, until the log is full', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'logbook-'));
  const { callTool, readResource, stop } = await testModule(logbook, { maxBytes: 10 }, { dataDir });
  const args = { text: 'Moored.' };
  // The client declares that it can ask its user; the first round asks, the second brings the answer and the state.
  const capabilities = { elicitation: {} };
  const { requestState } = await callTool('write', args, { capabilities });
  const inputResponses = { confirm: { action: 'accept', content: {} } };
  const agreed = { capabilities, requestState, inputResponses };

  expect(await callTool('write', args, agreed)).toEqual({ content: [{ type: 'text', text: 'Written.' }] });
  expect(JSON.stringify(await readResource('logbook:///entries'))).toContain('test: Moored.');

  expect(await callTool('write', args, agreed)).toMatchObject({ isError: true });
  await stop();
});
