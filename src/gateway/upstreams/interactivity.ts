import type { QuestionOutcome } from '#protocol/client/index.js';
import type { JsonObject } from '#protocol/model/index.js';
import type { UpstreamContext } from './config.js';

/**
 * Whether calls to an upstream need a connection of their own, because it asks its clients and the transport does not
 * say for which call. Learned from the first question that would be unclear beside another call, unless configured.
 */
export class Interactivity {
  readonly #context: UpstreamContext;
  #known: boolean;

  constructor(context: UpstreamContext) {
    this.#context = context;
    this.#known = context.interactive === 'always';
  }

  get known(): boolean {
    return this.#known;
  }

  learn(outcome: QuestionOutcome): void {
    const { id, interactive, logger, metrics } = this.#context;
    if (outcome === 'held' || outcome === 'resolved' || outcome === 'refused')
      metrics?.children.heldQuestions.inc({ provider: id, outcome });
    // A call without a session is parked while its client looks for an answer, and would be in the way of all others.
    if (interactive !== 'auto' || this.#known || (outcome !== 'held' && outcome !== 'parks')) return;
    this.#known = true;
    logger.info({}, 'the upstream asks its clients: calls that can be asked get a connection of their own from now on');
  }

  details(): JsonObject {
    return { interactive: this.#known };
  }
}
