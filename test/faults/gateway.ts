import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { latestModern, meta } from '#protocol/model/index.js';
import { WireClient, type Message, type Reply, type WireRequest } from '../support/mcp-wire.js';
import { startSeaworthy, type Seaworthy } from '../support/seaworthy-process.js';

const faultyServer = fileURLToPath(new URL('../fixtures/upstreams/faulty-stdio.mjs', import.meta.url));

/** test/fixtures/upstreams/faulty-stdio.mjs as an entry of `mcpServers`; `mark` is found in the command lines of its processes. */
export const faultyStdio = (fault: string, mark: string, once?: string) => ({
  command: process.execPath,
  args: [faultyServer, fault, '--mark', mark, ...(once === undefined ? [] : ['--once', once])],
});

/** How a call ended, as its client sees it. */
export interface Outcome {
  /** The text of the result; undefined for an error. */
  readonly text: string | undefined;
  /** Our code of the error: `SW_…`. */
  readonly code: string | undefined;
  readonly message: Message;
  /** The whole answer as it came. */
  readonly reply: Reply;
}

/** The built gateway with clients on its wire. */
export class FaultGateway {
  readonly process: Seaworthy;
  readonly client: WireClient;
  #nextId = 1;

  private constructor(process: Seaworthy) {
    this.process = process;
    this.client = new WireClient('127.0.0.1', Number(new URL(process.url).port));
  }

  /** Everything is allowed; a call may take `callTimeoutMs`, 3,000 unless `limits` say otherwise. */
  static async start(config: Readonly<Record<string, unknown>>): Promise<FaultGateway> {
    const limits = { callTimeoutMs: 3_000, ...(config['limits'] as object | undefined) };
    const access = [{ role: 'owner', allow: ['*:*'] }];
    return new FaultGateway(await startSeaworthy({ config: { ...config, access, limits } }));
  }

  get headers(): Record<string, string> {
    return {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      authorization: `Bearer ${this.process.apiKey ?? ''}`,
    };
  }

  /** One tools/call of the modern family; it wants progress. */
  wire(provider: string, tool: string, args: object = {}): WireRequest {
    const id = this.#nextId++;
    const _meta = {
      [meta.protocolVersion]: latestModern,
      [meta.clientCapabilities]: {},
      progressToken: `p${id}`,
    };
    const headers = { 'mcp-protocol-version': latestModern, 'mcp-method': 'tools/call', 'mcp-name': tool };
    return {
      path: `/mcp/${provider}`,
      headers: { ...this.headers, ...headers },
      body: { jsonrpc: '2.0', id, method: 'tools/call', params: { name: tool, arguments: args, _meta } },
    };
  }

  async call(provider: string, tool: string, args: object = {}): Promise<Outcome> {
    return outcomeOf(await this.client.send(this.wire(provider, tool, args)));
  }

  /** The value of a metric, summed over its labels; 0 where it was never set. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(`${this.process.operationsUrl}/metrics`)).text();
    const samples = [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))];
    return samples.reduce((sum, [, value]) => sum + Number(value), 0);
  }

  async stop(): Promise<number | null> {
    this.client.close();
    return this.process.stop();
  }
}

/** Reads the one answer out of a JSON body or a stream. */
export function outcomeOf(reply: Reply): Outcome {
  const answers = reply.json ? [reply.json] : reply.events.flatMap(({ message }) => message ?? []);
  const message = answers.findLast(({ result, error }) => result ?? error) ?? {};
  const content = message.result?.['content'] as { text?: string }[] | undefined;
  const code = message.error?.data?.['code'];
  return {
    text: content?.map(({ text }) => text ?? '').join(''),
    code: typeof code === 'string' ? code : undefined,
    message,
    reply,
  };
}

/** Processes whose command line has `mark`, but for this one. */
export function marked(mark: string): number[] {
  return pids().filter((pid) => pid !== process.pid && readProc(pid, 'cmdline').includes(mark));
}

/** Children of `parent` that have ended and were not collected. */
export const zombiesOf = (parent: number): number[] =>
  pids().filter((pid) => {
    const stat = readProc(pid, 'stat');
    const [state, parentPid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' && Number(parentPid) === parent;
  });

const pids = (): number[] =>
  readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid));

function readProc(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'latin1');
  } catch {
    // It ended between the two looks.
    return '';
  }
}

const bytesOf = (pid: number, field: string): number =>
  Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readProc(pid, 'status'))?.[1] ?? 0) * 1024;

/** Resident bytes of a process now. */
export const residentBytes = (pid: number): number => bytesOf(pid, 'VmRSS');

/** The most that was resident since `forgetPeak`. */
export const peakBytes = (pid: number): number => bytesOf(pid, 'VmHWM');

/** Begins a new measurement of `peakBytes`. */
export const forgetPeak = (pid: number): void => writeFileSync(`/proc/${pid}/clear_refs`, '5');
