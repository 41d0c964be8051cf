import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { WebSocket } from 'undici';
import { residentBytes } from './proc.js';
import type { ServerProcess } from './server-process.js';

/** Start a process with this to be able to collect its garbage from outside. */
export const inspectable = ['--inspect=127.0.0.1:0'];

async function collectGarbage(url: string, times: number): Promise<void> {
  const socket = new WebSocket(url);
  let done = 0;
  await new Promise<void>((resolve, reject) => {
    const collect = (): void => {
      socket.send(JSON.stringify({ id: done, method: 'HeapProfiler.collectGarbage' }));
    };
    socket.addEventListener('open', collect);
    socket.addEventListener('message', () => {
      done += 1;
      if (done < times) collect();
      else resolve();
    });
    socket.addEventListener('error', () => {
      reject(new Error(`no debugger at ${url}`));
    });
  });
  socket.close();
}

/** Resident bytes after the garbage is gone, so that a difference is what is really held. */
export async function settledBytes(server: ServerProcess): Promise<number> {
  const url = /Debugger listening on (ws:\S+)/.exec(readFileSync(server.stderrPath, 'utf8'))?.[1];
  if (url === undefined) throw new Error('the process was not started with --inspect');
  await collectGarbage(url, 3);
  await pause(500);
  return residentBytes(server.pid);
}
