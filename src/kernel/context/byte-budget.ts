/**
 * How many bytes of results may be held at once, in all calls together. Whoever holds bytes reserves them first and
 * gives them back when they are gone.
 */
export class ByteBudget {
  readonly maxBytes: number;
  readonly #onChange: (heldBytes: number) => void;
  #held = 0;

  constructor(maxBytes: number, onChange: (heldBytes: number) => void = () => {}) {
    this.maxBytes = maxBytes;
    this.#onChange = onChange;
  }

  get heldBytes(): number {
    return this.#held;
  }

  /** @returns false where the budget has no room; nothing is reserved then */
  reserve(bytes: number): boolean {
    if (this.#held + bytes > this.maxBytes) return false;
    this.#held += bytes;
    this.#onChange(this.#held);
    return true;
  }

  release(bytes: number): void {
    this.#held -= bytes;
    this.#onChange(this.#held);
  }
}

/** Below this a result is not counted: a small one is gone before the next is read, and counting costs more than it. */
export const countedBytes = 64 * 1024;
