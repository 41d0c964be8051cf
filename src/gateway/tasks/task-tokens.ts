import type { Sealer } from '#kernel/secrets/index.js';
import type { Family } from '#protocol/model/index.js';

/** A task at its provider. */
export interface TaskRef {
  readonly provider: string;
  /** The provider's own name of the tool whose call became the task: admission is asked for it again. */
  readonly tool: string;
  /** The provider's own id of the task. */
  readonly taskId: string;
  /** The family in which the provider keeps it. */
  readonly family: Family;
}

/** Tells our ids from those that a client made up. */
const prefix = 'swt1.';

/**
 * The task ids that clients see: the task itself, sealed (AEAD) for one principal. Nothing is stored, so that any
 * replica with the key serves a task, and an id that was guessed, changed or given to somebody else opens nothing.
 */
export class TaskTokens {
  readonly #sealer: Sealer;

  constructor(sealer: Sealer) {
    this.#sealer = sealer;
  }

  seal(principalId: string, { provider, tool, taskId, family }: TaskRef): string {
    return prefix + this.#sealer.seal({ principalId, provider, tool, taskId, family });
  }

  /** The task behind an id; undefined for one that is not ours or not this principal's. */
  open(principalId: string, token: unknown): TaskRef | undefined {
    if (typeof token !== 'string' || !token.startsWith(prefix)) return undefined;
    const opened = this.#sealer.open(token.slice(prefix.length));
    if (!opened.ok || opened.value['principalId'] !== principalId) return undefined;
    // Sound: only our own key seals, and only `seal` does it for this purpose.
    return opened.value as unknown as TaskRef;
  }
}
