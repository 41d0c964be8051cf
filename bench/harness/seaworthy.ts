import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Endpoint } from './mcp.js';
import { programPath, projectRoot } from './paths.js';
import { ServerProcess } from './server-process.js';

const distant = { limit: 100_000_000, windowMs: 1000 };

/**
 * The part of the configuration that every subject shares. Each guard is on and evaluated, its bounds so far away that
 * it never refuses: what is measured is its cost.
 */
const guarded = {
  server: { host: '127.0.0.1', port: 0 },
  operations: { port: 0 },
  auth: { mode: 'keys' },
  access: [{ role: 'owner', allow: ['*:*'] }],
  limits: {
    rates: { address: distant, health: distant, login: distant, api: distant, listen: distant },
    concurrencyPerPrincipal: 10_000,
  },
};

/** Builds the program when it is not built: the bench runs from a clean checkout. */
export function ensureBuilt(): void {
  if (existsSync(programPath)) return;
  const built = spawnSync('npm', ['run', 'build'], { cwd: projectRoot, stdio: 'inherit' });
  if (built.status !== 0) throw new Error('npm run build failed');
}

export interface StartOptions {
  /** CPU to pin to; undefined: not pinned. */
  readonly core: number | undefined;
  /** Added to `guarded`; `mcpServers`, `modules`, and what a figure is about. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Node's own arguments. */
  readonly nodeArgs?: readonly string[];
}

/** The program under test with a folder of its own. The folder and the key outlive a restart. */
export class Seaworthy {
  readonly #folder = mkdtempSync(join(tmpdir(), 'seaworthy-bench-'));
  readonly #options: StartOptions;
  #process: ServerProcess | undefined;
  #url = '';
  #operations = '';
  #apiKey: string | undefined;

  constructor(options: StartOptions) {
    this.#options = options;
    mkdirSync(join(this.#folder, 'data'));
    this.#write(options.config);
  }

  get configPath(): string {
    return join(this.#folder, 'seaworthy.yaml');
  }

  /** Starts the process without waiting for it. */
  spawn(): ServerProcess {
    const args = [...(this.#options.nodeArgs ?? []), programPath, 'serve', '--config', this.configPath, '--json'];
    this.#process = new ServerProcess(args, this.#options.core);
    return this.#process;
  }

  /** Starts the process and waits until it listens. */
  async start(): Promise<this> {
    const ready = await this.spawn().listening();
    this.#url = ready.url;
    this.#operations = ready.operations ?? '';
    this.#apiKey = ready.apiKey ?? this.#apiKey;
    return this;
  }

  get process(): ServerProcess {
    if (this.#process === undefined) throw new Error('not started');
    return this.#process;
  }

  get pid(): number {
    return this.process.pid;
  }

  /** Base URL of the operations listener. */
  get operations(): string {
    return this.#operations;
  }

  /** The merged endpoint, or the one of a provider. */
  endpoint(provider?: string): Endpoint {
    return { url: provider === undefined ? this.#url : `${this.#url}/${provider}`, apiKey: this.#apiKey };
  }

  /** Puts other settings in force, in place of those it was made with, without a restart. */
  reload(config: Readonly<Record<string, unknown>>): void {
    this.#write(config);
    this.process.signal('SIGHUP');
  }

  #write(settings: Readonly<Record<string, unknown>>): void {
    const config = { ...guarded, dataDir: join(this.#folder, 'data'), ...settings };
    // JSON is YAML.
    writeFileSync(this.configPath, JSON.stringify(config, undefined, 2));
  }

  /** Stops the process and keeps the folder. */
  async halt(): Promise<void> {
    await this.#process?.stop();
  }

  /** Stops the process and removes the folder. */
  async stop(): Promise<void> {
    await this.halt();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
