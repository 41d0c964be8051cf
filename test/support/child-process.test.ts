import { expect, it } from 'vitest';
import { startChild } from './child-process.js';

const node = (source: string, timeoutMs?: number) =>
  startChild({
    command: process.execPath,
    args: ['-e', source],
    ready: (line) => /^serving (.+)$/.exec(line)?.[1],
    ...(timeoutMs !== undefined && { timeoutMs }),
  });

it('hands over what the program reports, its output and its exit code', async () => {
  const child = await node(`
    process.on('SIGTERM', () => { console.log('bye'); process.exit(3); });
    console.error('warming up'); console.log('serving tea'); setInterval(() => {}, 1000);
  `);
  expect(child.value).toBe('tea');
  expect(await child.stop()).toBe(3);
  expect(child.logs()).toContain('warming up');
  expect(child.logs()).toContain('bye');
});

it('has no exit code after a kill, and may be stopped twice', async () => {
  const child = await node(`console.log('serving'.concat(' tea')); setInterval(() => {}, 1000)`);
  expect(await child.stop('SIGKILL')).toBeNull();
  expect(await child.stop()).toBeNull();
});

it.each([
  ['ends first', 20_000, `console.error('no teapot'); process.exit(1)`, /ended with 1 .*no teapot/s],
  ['stays silent', 300, `setInterval(() => {}, 1000)`, /not ready within 300 ms/],
])('shows the logs of a program that %s', async (_name, timeoutMs, source, message) => {
  await expect(node(source, timeoutMs)).rejects.toThrow(message);
});

it('reports a program that does not exist', async () => {
  const start = startChild({ command: '/no/such/program', args: [], ready: () => undefined });
  await expect(start).rejects.toThrow('ENOENT');
});
