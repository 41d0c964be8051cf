import { fail, reasonOf } from '#kernel/errors/index.js';
import type { Logger } from '#kernel/telemetry/index.js';
import { withDeadline } from '#kernel/time/index.js';
import type { Provider } from '#gateway/catalog/index.js';

/** Providers that left the configuration, while they finish the calls that they have. */
export class Retiring {
  readonly #logger: Logger;
  readonly #leaving = new Map<Provider, Promise<void>>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Drains and stops each; after `patienceMs` whatever still runs there is cut off. Returns at once. */
  begin(providers: readonly Provider[], patienceMs: number): void {
    for (const provider of providers) {
      const left = this.#retire(provider, patienceMs).finally(() => this.#leaving.delete(provider));
      this.#leaving.set(provider, left);
    }
  }

  /** Resolves when those that are leaving now have left. */
  async drained(): Promise<void> {
    await Promise.all(this.#leaving.values());
  }

  /** Cuts off what still runs. */
  async stop(): Promise<void> {
    await Promise.all([...this.#leaving.keys()].map((provider) => this.#stop(provider)));
  }

  async #retire(provider: Provider, patienceMs: number): Promise<void> {
    const tooLong = () => fail('SW_DEADLINE_EXCEEDED', { timeoutMs: patienceMs });
    await withDeadline(provider.drain(), patienceMs, tooLong).catch((error: unknown) =>
      this.#logger.warn({ provider: provider.id, reason: reasonOf(error) }, 'a provider that left is cut off'),
    );
    await this.#stop(provider);
  }

  async #stop(provider: Provider): Promise<void> {
    try {
      await provider.stop();
    } catch (error) {
      this.#logger.error({ provider: provider.id, reason: reasonOf(error) }, 'a provider did not stop cleanly');
    }
  }
}
