import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../harness/free-port.js';
import { inspectable, settledBytes } from '../harness/inspector.js';
import { echoCall, modernPlan, request, type CallPlan } from '../harness/mcp.js';
import { yardstickPath } from '../harness/paths.js';
import { openDescriptors, treeOf } from '../harness/proc.js';
import { Seaworthy } from '../harness/seaworthy.js';
import { ServerProcess } from '../harness/server-process.js';

/** What the process holds; compared before and after. */
export interface Holdings {
  readonly descriptors: number;
  readonly residentBytes: number;
  readonly children: number;
}

/** The program in front of a stdio server and an HTTP server, both of which can be made to fail. */
export class Subject {
  readonly program: Seaworthy;
  readonly #port: number;
  #upstream: ServerProcess;

  private constructor(program: Seaworthy, upstream: ServerProcess, port: number) {
    this.program = program;
    this.#upstream = upstream;
    this.#port = port;
  }

  static async start(): Promise<Subject> {
    const port = await freePort();
    const upstream = Subject.#startUpstream(port);
    const { url } = await upstream.listening();
    const config = {
      modules: { example: {} },
      mcpServers: { child: { command: process.execPath, args: [yardstickPath('upstream-stdio')] }, remote: { url } },
    };
    const program = await new Seaworthy({ core: undefined, config, nodeArgs: inspectable }).start();
    return new Subject(program, upstream, port);
  }

  static #startUpstream(port: number): ServerProcess {
    return new ServerProcess([yardstickPath('upstream-http'), '--port', String(port)], undefined);
  }

  /** An echo call of one provider as the modern client sends it. */
  plan(provider: string): CallPlan {
    return modernPlan(this.program.endpoint(provider), echoCall());
  }

  /** Process ids of the stdio server behind the program; more than one would be a leak. */
  childPids(): number[] {
    return treeOf(this.program.pid).filter((pid) => {
      try {
        return readFileSync(`/proc/${String(pid)}/cmdline`, 'utf8').includes('upstream-stdio');
      } catch {
        // Ended between the two looks.
        return false;
      }
    });
  }

  /** Kills the stdio server as the system's memory guard would. */
  killChild(): void {
    for (const pid of this.childPids()) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // Ended between the two looks.
      }
    }
  }

  /** Takes the HTTP server away for `downMs`. */
  async restartUpstream(downMs: number): Promise<void> {
    this.#upstream.signal('SIGKILL');
    await this.#upstream.exited;
    await this.#upstream.stop();
    await pause(downMs);
    this.#upstream = Subject.#startUpstream(this.#port);
    await this.#upstream.listening();
  }

  /** Milliseconds until a call of this provider succeeds; undefined when none does in time. */
  async recovery(provider: string, limitMs: number): Promise<number | undefined> {
    const begun = performance.now();
    while (performance.now() - begun < limitMs) {
      try {
        await request(this.program.endpoint(provider), 'tools/call', echoCall().params);
        return performance.now() - begun;
      } catch {
        // Not yet.
        await pause(100);
      }
    }
    return undefined;
  }

  async holdings(): Promise<Holdings> {
    const resident = await settledBytes(this.program.process);
    return {
      residentBytes: resident,
      descriptors: openDescriptors(this.program.pid),
      children: this.childPids().length,
    };
  }

  async stop(): Promise<void> {
    await this.program.stop();
    await this.#upstream.stop();
  }
}
