import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Family } from '#protocol/model/index.js';
import { startChild } from './child-process.js';
import { freePort } from './free-port.js';

const workbench = [
  '--import',
  import.meta.resolve('tsx'),
  fileURLToPath(new URL('../fixtures/upstreams/workbench.ts', import.meta.url)),
];
const packageFile = (name: string) => fileURLToPath(import.meta.resolve(`@modelcontextprotocol/${name}/dist/index.js`));

/** test/fixtures/upstreams/workbench.ts as a configured stdio server. */
export const workbenchOverStdio = (family: Family | 'both' = 'both') => ({
  command: process.execPath,
  args: [...workbench, 'stdio', family],
});

/** The same over HTTP on a free port. */
export async function startWorkbench(family: Family | 'both' = 'both') {
  const child = await startChild({
    command: process.execPath,
    args: [...workbench, 'http', family],
    ready: (line) => /^listening (\S+)$/.exec(line)?.[1],
  });
  return { url: child.value, stop: child.stop };
}

/** test/fixtures/upstreams/plain-server.mjs as a configured stdio server. */
export const plainOverStdio = (...flags: string[]) => ({
  command: process.execPath,
  args: [fileURLToPath(new URL('../fixtures/upstreams/plain-server.mjs', import.meta.url)), ...flags],
});

/** The public server-everything as a configured stdio server. */
export const everythingOverStdio = { command: process.execPath, args: [packageFile('server-everything'), 'stdio'] };
export const memoryOverStdio = { command: process.execPath, args: [packageFile('server-memory')] };
export const filesystemOverStdio = (directory: string) => ({
  command: process.execPath,
  args: [packageFile('server-filesystem'), directory],
});

/** The public server-everything behind a port, over the transport named. */
export async function startEverything(transport: 'streamableHttp' | 'sse') {
  const port = await freePort();
  const child = await startChild({
    command: process.execPath,
    // It announces itself on stderr, in other words for each transport: the socket is asked instead.
    args: ['--import', 'data:text/javascript,console.log("started")', packageFile('server-everything'), transport],
    env: { PORT: String(port) },
    ready: () => true,
  });
  while (!(await accepts(port))) await sleep(20);
  return { url: `http://127.0.0.1:${port}/${transport === 'sse' ? 'sse' : 'mcp'}`, stop: child.stop };
}

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

const taskServer = [
  '--import',
  import.meta.resolve('tsx'),
  fileURLToPath(new URL('../fixtures/task-server/main.ts', import.meta.url)),
];

/** test/fixtures/task-server as a configured stdio server. */
export const taskServerOverStdio = { command: process.execPath, args: [...taskServer, 'stdio'] };

/** The same over HTTP on a free port. */
export async function startTaskServer() {
  const child = await startChild({
    command: process.execPath,
    args: [...taskServer, 'http'],
    ready: (line) => /^listening (\S+)$/.exec(line)?.[1],
  });
  return { url: child.value, stop: child.stop };
}

/** test/fixtures/upstreams/apps.ts, a server with an MCP App, as a configured stdio server. */
export const appsOverStdio = (name: string, family: Family) => ({
  command: process.execPath,
  args: [
    '--import',
    import.meta.resolve('tsx'),
    fileURLToPath(new URL('../fixtures/upstreams/apps.ts', import.meta.url)),
    name,
    family,
  ],
});

const legacyTasks = [
  '--import',
  import.meta.resolve('tsx'),
  fileURLToPath(new URL('../fixtures/upstreams/legacy-tasks.ts', import.meta.url)),
];

/** test/fixtures/upstreams/legacy-tasks.ts, a server with the tasks of 2025-11-25, as a configured stdio server. */
export const legacyTasksOverStdio = { command: process.execPath, args: [...legacyTasks, 'stdio'] };

/** The same over HTTP on a free port. */
export async function startLegacyTasks() {
  const child = await startChild({
    command: process.execPath,
    args: [...legacyTasks, 'http'],
    ready: (line) => /^listening (\S+)$/.exec(line)?.[1],
  });
  return { url: child.value, stop: child.stop };
}
