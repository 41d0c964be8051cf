/** Undos in the order of acquiring; run once, last first, each even when another fails. */
export class UndoStack {
  readonly #undos: (() => Promise<void> | void)[] = [];
  readonly #onFailure: (thrown: unknown) => void;

  constructor(onFailure: (thrown: unknown) => void) {
    this.#onFailure = onFailure;
  }

  /** Registers how to release what was just acquired. */
  push(undo: () => Promise<void> | void): void {
    this.#undos.push(undo);
  }

  /** Runs all undos, last first. A second run finds none. */
  async run(): Promise<void> {
    for (let undo = this.#undos.pop(); undo; undo = this.#undos.pop()) await this.attempt(undo);
  }

  /** Runs one step of stopping; its failure is reported so that the next step still happens. */
  async attempt(step: () => Promise<void> | void): Promise<void> {
    try {
      await step();
    } catch (thrown) {
      this.#onFailure(thrown);
    }
  }
}
