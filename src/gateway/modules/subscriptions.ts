import type { ProviderSubscription } from '#gateway/catalog/index.js';

/** Which resources somebody wants to hear of, counted, so that one client's leaving silences nobody else. */
export class Subscriptions {
  readonly #counts = new Map<string, number>();

  has(uri: string): boolean {
    return this.#counts.has(uri);
  }

  open(uris: readonly string[]): ProviderSubscription {
    for (const uri of uris) this.#counts.set(uri, (this.#counts.get(uri) ?? 0) + 1);
    let open = true;
    return {
      accepted: Promise.resolve(uris),
      close: () => {
        if (!open) return;
        open = false;
        for (const uri of uris) this.#release(uri);
      },
    };
  }

  #release(uri: string): void {
    const left = (this.#counts.get(uri) ?? 0) - 1;
    if (left > 0) this.#counts.set(uri, left);
    else this.#counts.delete(uri);
  }
}
