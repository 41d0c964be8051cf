/** Counts what runs now, per key; a key that is idle takes no memory. */
export class Concurrency {
  readonly #running = new Map<string, number>();

  /** @returns false where `limit` are running already */
  enter(key: string, limit: number): boolean {
    const running = this.#running.get(key) ?? 0;
    if (running >= limit) return false;
    this.#running.set(key, running + 1);
    return true;
  }

  leave(key: string): void {
    const running = (this.#running.get(key) ?? 1) - 1;
    if (running > 0) this.#running.set(key, running);
    else this.#running.delete(key);
  }
}
