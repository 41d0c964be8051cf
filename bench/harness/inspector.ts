import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { WebSocket } from 'undici';
import { residentBytes } from './proc.js';
import type { ServerProcess } from './server-process.js';

/** Start a process with this to be able to look into it from outside. */
export const inspectable: readonly string[] = ['--inspect=127.0.0.1:0'];

interface Reply {
  readonly id?: number;
  readonly result?: unknown;
}

/** A connection to the debugger port of a process that was started with `inspectable`. */
export class Inspector {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (result: unknown) => void>();
  #lastId = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', (event) => {
      const reply = JSON.parse(String(event.data)) as Reply;
      if (reply.id !== undefined) this.#waiting.get(reply.id)?.(reply.result);
    });
  }

  static async attach(server: ServerProcess): Promise<Inspector> {
    const url = /Debugger listening on (ws:\S+)/.exec(readFileSync(server.stderrPath, 'utf8'))?.[1];
    if (url === undefined) throw new Error('the process was not started with --inspect');
    const socket = new WebSocket(url);
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', () => {
        reject(new Error(`no debugger at ${url}`));
      });
    });
    return new Inspector(socket);
  }

  /** The result of one command of the debugger's protocol. */
  call(method: string, params: object = {}): Promise<unknown> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }

  close(): void {
    this.#socket.close();
  }
}

/** Bytes of live objects after the garbage is gone: what a leak of ours adds to, whatever the allocator keeps. */
export async function heapBytes(server: ServerProcess): Promise<number> {
  const inspector = await Inspector.attach(server);
  for (let time = 0; time < 3; time += 1) await inspector.call('HeapProfiler.collectGarbage');
  const { usedSize } = (await inspector.call('Runtime.getHeapUsage')) as { usedSize: number };
  inspector.close();
  return usedSize;
}

/** Resident bytes after the garbage is gone, so that a difference is what is really held. */
export async function settledBytes(server: ServerProcess): Promise<number> {
  const inspector = await Inspector.attach(server);
  for (let time = 0; time < 3; time += 1) await inspector.call('HeapProfiler.collectGarbage');
  inspector.close();
  await pause(500);
  return residentBytes(server.pid);
}
