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

/** Ids that are remembered, so that what a server says of a task outside of calls can name it. */
const maxRemembered = 10_000;
/** Tells our ids from those that a client made up. */
const prefix = 'swt1.';

/**
 * The task ids that clients see: the task itself, sealed (AEAD) for one principal. Nothing has to be stored, so that
 * any replica with the key serves a task, and an id that was guessed, changed or given to somebody else opens nothing.
 */
export class TaskTokens {
  readonly #sealer: Sealer;
  /** By principal, provider and task: the id given last. Only the older family needs it. */
  readonly #given = new Map<string, string>();

  constructor(sealer: Sealer) {
    this.#sealer = sealer;
  }

  seal(principalId: string, { provider, tool, taskId, family }: TaskRef): string {
    const token = prefix + this.#sealer.seal({ principalId, provider, tool, taskId, family });
    this.#remember(principalId, { provider, tool, taskId, family }, token);
    return token;
  }

  /** The task behind an id; undefined for one that is not ours or not this principal's. */
  open(principalId: string, token: unknown): TaskRef | undefined {
    if (typeof token !== 'string' || !token.startsWith(prefix)) return undefined;
    const opened = this.#sealer.open(token.slice(prefix.length));
    if (!opened.ok || opened.value['principalId'] !== principalId) return undefined;
    // Sound: only our own key seals, and only `seal` does it for this purpose.
    const found = opened.value as unknown as TaskRef;
    this.#remember(principalId, found, token);
    return found;
  }

  /** The id under which the principal knows a task, where this process gave it or has seen it. */
  known(principalId: string, provider: string, taskId: unknown): string | undefined {
    return typeof taskId === 'string' ? this.#given.get(keyOf(principalId, provider, taskId)) : undefined;
  }

  #remember(principalId: string, { provider, taskId, family }: TaskRef, token: string): void {
    if (family === 'modern') return;
    const oldest = this.#given.size >= maxRemembered ? this.#given.keys().next().value : undefined;
    if (oldest !== undefined) this.#given.delete(oldest);
    this.#given.set(keyOf(principalId, provider, taskId), token);
  }
}

const keyOf = (principalId: string, provider: string, taskId: string): string =>
  `${principalId}\n${provider}\n${taskId}`;
