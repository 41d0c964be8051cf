import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import type { Logger } from '#kernel/telemetry/index.js';
import type { Clock } from '#kernel/time/index.js';
import { LineReader, type LineEdges } from '#protocol/transport/index.js';
import { expectGroup, forgetGroup, signalGroup, trackGroup } from './process-group.js';
import { StderrLog } from './stderr-log.js';

export interface ChildProcessOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string | undefined;
  readonly environment: Readonly<Record<string, string>>;
  readonly maxLineBytes: number;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Values that must not come out on stderr. */
  readonly secrets: readonly string[];
  /** Called with the number of lines that came too fast for the log. */
  readonly onStderrDropped: (lines: number) => void;
  readonly onLine: (line: Buffer) => void;
  readonly onLongLine: (line: LineEdges) => void;
  /** Called once, when it has ended or could not be started; `reason` is fit for an error message. */
  readonly onExit: (reason: string) => void;
}

/** Milliseconds that each step of a stop may take: end of input, SIGTERM, SIGKILL. */
const stepMs = 2_000;
/** Milliseconds to read what a process wrote before it ended. */
const lastWordsMs = 250;
/** What may wait for a process to read it, in characters: past it a message is refused. */
const maxUnread = 64 * 2 ** 20;

/**
 * One child process that speaks lines on stdin and stdout. It leads a process group of its own, so that what it
 * started (npx, a shell) ends with it.
 *
 *   running --stop()--> input ended --2 s--> SIGTERM --2 s--> SIGKILL
 *      \------------------------------------------------------> exited
 */
export class ChildProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #clock: Clock;
  readonly #stderr: StderrLog;
  readonly #exited: Promise<void>;
  /** What waits for the pipe to drain. */
  #waiting: string[] = [];
  #waitingLength = 0;
  #blocked = false;
  #stopping = false;
  #alive = true;

  constructor(options: ChildProcessOptions) {
    const { command, args, cwd, environment, clock, logger, onExit } = options;
    this.#clock = clock;
    this.#stderr = new StderrLog({ logger, clock, secrets: options.secrets, onDropped: options.onStderrDropped });
    expectGroup(logger);
    this.#child = spawn(command, args, { cwd, env: { ...environment }, detached: true, shell: false, stdio: 'pipe' });
    const reader = new LineReader(options.maxLineBytes, options.onLine, options.onLongLine);
    this.#child.stdout.on('data', (chunk: Buffer) => reader.feed(chunk));
    this.#child.stderr.on('data', (chunk: Buffer) => this.#stderr.feed(chunk));
    this.#child.stdin.on('drain', () => {
      this.#blocked = false;
      this.#flush();
    });
    this.#exited = new Promise((resolve) => {
      const ended = (reason: string): void => {
        if (!this.#alive) return;
        this.#alive = false;
        // Others of its group hold pipes and ports that the next start needs.
        this.#signal('SIGKILL');
        forgetGroup(this.#child.pid ?? 0);
        this.#stderr.end();
        // One that left the group (a daemon) may hold the other ends: they must not keep ours open, nor us running.
        for (const pipe of [this.#child.stdin, this.#child.stdout, this.#child.stderr]) pipe.destroy();
        onExit(reason);
        resolve();
      };
      // Nearly always the exit follows and says all; a process that lives on without a pipe is of no use.
      const broken = (reason: string): void => {
        if (!this.#stopping) clock.after(stepMs, () => ended(reason), { unref: true });
      };
      this.#child.stdout.once('end', () => broken('it closed its output'));
      this.#child.stdin.on('error', (error) => {
        logger.debug({ err: error }, 'the input of the child is closed');
        broken('it closed its input');
      });
      this.#child.once('error', (error: NodeJS.ErrnoException) =>
        ended(`it could not be started (${error.code ?? error.name})`),
      );
      this.#child.once('exit', (code, signal) => {
        const reason = signal ? `it was ended by ${signal}` : `it ended with code ${String(code)}`;
        // What it wrote last is still to be read; `close` does not come where a grandchild holds the pipe.
        const timer = clock.after(lastWordsMs, () => ended(reason));
        this.#child.once('close', () => {
          timer.cancel();
          ended(reason);
        });
      });
    });
    if (this.#child.pid !== undefined) trackGroup(this.#child.pid);
  }

  get alive(): boolean {
    return this.#alive;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** The last lines of its stderr, redacted, for the operator. */
  get lastStderr(): readonly string[] {
    return this.#stderr.last;
  }

  /** Writes one line; it waits here while the pipe is full. False where too much waits already. */
  send(text: string): boolean {
    if (!this.#alive) return true;
    if (this.#child.stdin.writableLength + this.#waitingLength + text.length > maxUnread) return false;
    this.#waiting.push(text);
    this.#waitingLength += text.length;
    if (this.#blocked || this.#waiting.length > 1) return true;
    // What arrives in one turn of the event loop goes out in one system call: the pipe is the dearest part of a call.
    setImmediate(() => this.#flush());
    return true;
  }

  /** Ends it in three steps, each bounded. Works twice. */
  async stop(): Promise<void> {
    if (!this.#alive) return;
    this.#stopping = true;
    this.#flush();
    this.#child.stdin.end();
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      if (await this.#exitedWithin(stepMs)) return;
      this.#signal(signal);
    }
    await this.#exitedWithin(stepMs);
  }

  #flush(): void {
    const waiting = this.#waiting;
    if (this.#blocked || waiting.length === 0 || !this.#alive) return;
    this.#waiting = [];
    this.#waitingLength = 0;
    this.#blocked = !this.#child.stdin.write(`${waiting.join('\n')}\n`);
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#child.pid !== undefined) signalGroup(this.#child.pid, signal);
  }

  #exitedWithin(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = this.#clock.after(ms, () => resolve(false));
      void this.#exited.then(() => {
        timer.cancel();
        resolve(true);
      });
    });
  }
}
