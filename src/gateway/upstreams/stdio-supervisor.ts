import { reasonOf, SeaworthyError } from '#kernel/errors/index.js';
import { childStates, type ChildState } from '#kernel/telemetry/index.js';
import type { QuestionOutcome } from '#protocol/client/index.js';
import type { Family, JsonObject, ModelNotification, SessionRef } from '#protocol/model/index.js';
import { ChildSlots, type EvictIdle } from './child-slots.js';
import type { StdioUpstreamConfig, UpstreamContext } from './config.js';
import { GroupMemory } from './group-memory.js';
import { RestartPolicy } from './restart-policy.js';
import { StdioConnection } from './stdio-connection.js';

const mebibyte = 2 ** 20;

/** One for the process: a walk through /proc sees the children of every upstream. */
const memory = new GroupMemory();

/** What a new child calls back to. */
export interface ChildListener {
  readonly onNotification: (notification: ModelNotification) => void;
  readonly onQuestion: (outcome: QuestionOutcome) => void;
  /** Who is asked what belongs to no call, where the child is one client's. */
  readonly ask?: SessionRef['ask'];
}

/** Starts the children of one upstream, within the limits on their number and memory, and knows how they fare. */
export class StdioSupervisor {
  readonly #config: StdioUpstreamConfig;
  readonly #context: UpstreamContext;
  readonly #slots: ChildSlots;
  readonly #unregister: () => void;
  readonly #connections = new Set<StdioConnection>();
  readonly #restarts: Readonly<Record<Family, RestartPolicy>>;
  #starts = 0;
  #restarted = 0;
  #memoryStops = 0;
  #stopped = false;

  /** `evictIdle` makes room for one more child. */
  constructor(config: StdioUpstreamConfig, context: UpstreamContext, evictIdle: EvictIdle) {
    const { clock, id, maxProcesses, processes } = context;
    this.#config = config;
    this.#context = context;
    this.#slots = new ChildSlots(maxProcesses, `mcpServers.${id}.maxProcesses`);
    this.#slots.register(evictIdle);
    this.#unregister = processes?.register(evictIdle) ?? (() => {});
    this.#restarts = { modern: new RestartPolicy(id, clock), legacy: new RestartPolicy(id, clock) };
  }

  /** Makes one attempt to start a child that speaks `family`. @throws SW_UPSTREAM_UNAVAILABLE in its delay, and what `start` does */
  attempt<Value>(family: Family, start: () => Promise<Value>): Promise<Value> {
    return this.#restarts[family].attempt(start);
  }

  /** Starts a child. @throws SW_OVERLOADED, SW_UPSTREAM_UNAVAILABLE */
  async start(family: Family, listener: ChildListener): Promise<StdioConnection> {
    const giveBack = await this.#takeSlots();
    if (this.#stopped) {
      giveBack();
      throw this.#context.faults.unavailable('it is stopped');
    }
    try {
      const connection: StdioConnection = new StdioConnection({
        ...listener,
        config: this.#config,
        context: this.#context,
        onExit: () => {
          giveBack();
          stopWatching();
          this.#connections.delete(connection);
          this.#report();
        },
      });
      const stopWatching = this.#watchMemory(connection);
      this.#connections.add(connection);
      this.#starts++;
      this.#report();
      return connection;
    } catch (thrown) {
      giveBack();
      // Node refuses some commands before it tries them (a NUL in an argument).
      const reason = reasonOf(thrown);
      this.#restarts[family].ended(reason, 0, []);
      throw this.#restarts[family].unavailable(reason, thrown);
    }
  }

  /** A child has answered. */
  opened(family: Family): void {
    const { id, metrics } = this.#context;
    if (this.#restarts[family].opened()) {
      this.#restarted++;
      metrics?.upstreamRestarts.inc({ provider: id });
    }
    this.#report();
  }

  /** A child that had answered has ended. */
  ended(family: Family, connection: StdioConnection): void {
    const livedMs = this.#context.clock.monotonic() - connection.startedAt;
    const reason = connection.endReason ?? 'it ended';
    this.#restarts[family].ended(reason, livedMs, connection.lastStderr);
    this.#context.logger.warn({ reason, livedMs: Math.round(livedMs) }, 'the upstream process ended');
    this.#report();
  }

  /** A child has not got as far as an answer; the error to throw. */
  failed(family: Family, connection: StdioConnection, thrown: unknown): SeaworthyError {
    const lost = thrown instanceof SeaworthyError && thrown.code === 'SW_UPSTREAM_LOST';
    const reason = lost ? (connection.endReason ?? 'it ended') : reasonOf(thrown);
    this.#restarts[family].ended(reason, 0, connection.lastStderr);
    this.#report();
    return this.#restarts[family].unavailable(reason, thrown);
  }

  details(): JsonObject {
    const { state, waitMs, lastStderr } = this.#worst();
    const failing = state !== 'ready';
    return {
      state: this.#state(),
      processes: this.#connections.size,
      starts: this.#starts,
      restarts: this.#restarted,
      memoryStops: this.#memoryStops,
      ...(failing ? { nextTryMs: Math.round(waitMs), lastStderr: [...lastStderr] } : {}),
    };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unregister();
    await Promise.all([...this.#connections].map((connection) => connection.stop()));
  }

  /** The upstream's own limit first: what it has too much of must not cost the others. */
  async #takeSlots(): Promise<() => void> {
    const { id, metrics, processes } = this.#context;
    try {
      const own = await this.#slots.take();
      const shared = await processes?.take().catch((thrown: unknown) => {
        own();
        throw thrown;
      });
      return () => {
        own();
        shared?.();
      };
    } catch (thrown) {
      metrics?.children.refusals.inc({ provider: id, limit: 'processes' });
      throw thrown;
    }
  }

  #watchMemory(connection: StdioConnection): () => void {
    const { pid } = connection;
    const { id, logger, maxMemoryBytes, metrics } = this.#context;
    if (pid === undefined || maxMemoryBytes === 0) return () => {};
    return memory.watch(pid, maxMemoryBytes, (bytes) => {
      this.#memoryStops++;
      metrics?.children.stops.inc({ provider: id, reason: 'memory' });
      logger.warn({ bytes, maxMemoryBytes }, 'the upstream process uses too much memory and is stopped');
      connection.abandon(`it used ${inMebibytes(bytes)} of memory, more than its ${inMebibytes(maxMemoryBytes)}`);
    });
  }

  #worst(): RestartPolicy {
    const { modern, legacy } = this.#restarts;
    return modern.state === 'crash-loop' || (modern.state === 'backoff' && legacy.state === 'ready') ? modern : legacy;
  }

  #state(): ChildState {
    const { state } = this.#worst();
    if (state !== 'ready') return state;
    return this.#connections.size > 0 ? 'running' : 'idle';
  }

  #report(): void {
    const { id, metrics } = this.#context;
    if (!metrics) return;
    metrics.children.processes.set({ provider: id }, this.#connections.size);
    const now = this.#state();
    for (const state of childStates) metrics.children.state.set({ provider: id, state }, state === now ? 1 : 0);
  }
}

const inMebibytes = (bytes: number): string => `${String(Math.round(bytes / mebibyte))} MiB`;
