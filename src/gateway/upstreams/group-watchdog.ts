import { spawn, type ChildProcess } from 'node:child_process';
import type { Logger } from '#kernel/telemetry/index.js';

/**
 * Keeps the ids of process groups, one line each: `+ID`, `-ID`. The end of input means that we are gone, however that
 * came about; what is left then is asked to end and, a second later, made to. POSIX sh and `sleep`, nothing else.
 * It outlives a SIGTERM to all of us (systemd sends one), or it could not see the end.
 */
const script = `
trap '' HUP INT QUIT TERM
groups=' '
while read -r line; do
  group=\${line#?}
  case $line in
    +*) groups="$groups$group " ;;
    -*) case $groups in *" $group "*) groups="\${groups%%" $group "*} \${groups#*" $group "}" ;; esac ;;
  esac
done
for signal in TERM KILL; do
  alive=
  for group in $groups; do kill -s "$signal" -- "-$group" 2>/dev/null && alive=1; done
  [ "$signal" = KILL ] || [ -z "$alive" ] || sleep 1
done
`;

/** Milliseconds that it must have lived to be started again at once. */
const stableMs = 1_000;

/**
 * Ends process groups when this process is gone, kill -9 included: a small shell in a session of its own that reads
 * from a pipe whose other end only we hold. It is started with the first group and ends with us.
 */
export class GroupWatchdog {
  readonly #groups = new Set<number>();
  #process: ChildProcess | undefined;

  /** Makes sure that it runs: before a group is started, so that no moment is left uncovered. */
  start(logger: Logger): void {
    if (this.#process || process.platform === 'win32') return;
    const startedAt = performance.now();
    const watchdog = spawn('/bin/sh', ['-c', script, 'seaworthy-watchdog'], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      env: { PATH: '/usr/bin:/bin' },
      cwd: '/',
    });
    const ended = (reason: string): void => {
      if (this.#process !== watchdog) return;
      this.#process = undefined;
      logger.warn({ reason }, 'the watchdog has ended: until it runs again, children could outlive a kill -9 of us');
      if (this.#groups.size > 0 && performance.now() - startedAt > stableMs) this.start(logger);
    };
    watchdog.once('error', (error) => ended(error.message));
    watchdog.once('exit', (code, signal) => ended(signal ?? `code ${String(code)}`));
    // Its end is what there is to say about a pipe that broke.
    watchdog.stdin?.on('error', (error) => logger.debug({ err: error }, 'the pipe to the watchdog is closed'));
    watchdog.unref();
    (watchdog.stdin as { unref?: () => void } | null)?.unref?.();
    this.#process = watchdog;
    for (const group of this.#groups) this.#tell('+', group);
  }

  add(group: number): void {
    this.#groups.add(group);
    this.#tell('+', group);
  }

  delete(group: number): void {
    if (this.#groups.delete(group)) this.#tell('-', group);
  }

  /** The groups that run now. */
  get groups(): ReadonlySet<number> {
    return this.#groups;
  }

  #tell(sign: '+' | '-', group: number): void {
    this.#process?.stdin?.write(`${sign}${String(group)}\n`);
  }
}
