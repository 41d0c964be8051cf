import { fail } from '#kernel/errors/index.js';
import { UndoStack } from './undo-stack.js';

/*
 *  created ── provision ──> provisioned ── start ──> started ── drain ──> draining ── stop ──> stopped
 *     │           │              │                      │                                        ^
 *     └───────────┴──────────────┴──────────────────────┴───────────────── stop ─────────────────┘
 *
 * A provision or start that fails ends in `stopped`, with everything undone that it had acquired until then.
 */
export type LifecycleState = 'created' | 'provisioned' | 'started' | 'draining' | 'stopped';

/** What the owner of a lifecycle does at each step. Each is called at most once, never two at a time. */
export interface LifecycleHooks {
  /** Acquires what is needed, without a visible effect. Register an undo for each thing before acquiring the next. */
  provision(undo: UndoStack): Promise<void> | void;
  /** Begins work: opens files, sockets, timers. */
  start?(): Promise<void> | void;
  /** Takes no new work and waits for what is running. */
  drain?(): Promise<void> | void;
  /** Releases what `provision` and `start` acquired; called only after a whole provision. Undos run after it. */
  stop?(): Promise<void> | void;
}

/**
 * The life of anything that is provisioned. Steps run one after the other, whoever calls them; `stop` works in every
 * state, after a half-finished step, and twice. A failure while stopping goes to `onStopFailure`, so that the rest is
 * still released.
 */
export class Lifecycle {
  readonly id: string;
  readonly #hooks: LifecycleHooks;
  readonly #undo: UndoStack;
  #state: LifecycleState = 'created';
  #step: Promise<void> = Promise.resolve();
  #stopping: Promise<void> | undefined;

  constructor(id: string, hooks: LifecycleHooks, onStopFailure: (thrown: unknown) => void) {
    this.id = id;
    this.#hooks = hooks;
    this.#undo = new UndoStack(onStopFailure);
  }

  get state(): LifecycleState {
    return this.#state;
  }

  /** @throws SW_MODULE_STATE unless `created`; whatever the hook throws */
  provision(): Promise<void> {
    return this.#advance('created', 'provisioned', () => this.#hooks.provision(this.#undo));
  }

  /** @throws SW_MODULE_STATE unless `provisioned`; whatever the hook throws */
  start(): Promise<void> {
    return this.#advance('provisioned', 'started', () => this.#hooks.start?.());
  }

  /** Does nothing unless `started`; a second call waits for the first. A failing hook is reported, not thrown. */
  drain(): Promise<void> {
    return this.#enqueue(async () => {
      if (this.#state !== 'started') return;
      this.#state = 'draining';
      await this.#undo.attempt(() => this.#hooks.drain?.());
    });
  }

  /** Releases everything, in the reverse order of acquiring. Never rejects. */
  stop(): Promise<void> {
    this.#stopping ??= this.#enqueue(() => this.#release());
    return this.#stopping;
  }

  async #release(): Promise<void> {
    const before = this.#state;
    this.#state = 'stopped';
    if (before !== 'created' && before !== 'stopped') await this.#undo.attempt(() => this.#hooks.stop?.());
    await this.#undo.run();
  }

  #advance(from: LifecycleState, to: LifecycleState, step: () => Promise<void> | void): Promise<void> {
    return this.#enqueue(async () => {
      if (this.#state !== from) throw fail('SW_MODULE_STATE', { module: this.id, state: this.#state, step: to });
      try {
        await step();
        this.#state = to;
      } catch (thrown) {
        await this.#release();
        throw thrown;
      }
    });
  }

  /** Runs a step after the one before it has ended, whichever way that one ended. */
  #enqueue(step: () => Promise<void>): Promise<void> {
    const next = this.#step.then(step);
    // The caller of each step hears of its failure; the queue only needs to know that it is over.
    this.#step = next.then(over, over);
    return next;
  }
}

const over = (): void => {};
