import type { SeaworthyError } from '#kernel/errors/index.js';
import type { Metrics } from '#kernel/telemetry/index.js';
import type { ProviderHealth } from '#gateway/catalog/index.js';

/** What became of the last attempt to read the configuration again: a refused one must not go unseen. */
export class Reloads {
  readonly #metrics: Pick<Metrics, 'configReloads'>;
  #refusal: string | undefined;

  constructor(metrics: Pick<Metrics, 'configReloads'>) {
    this.#metrics = metrics;
  }

  taken(): void {
    this.#refusal = undefined;
    this.#metrics.configReloads.inc({ outcome: 'ok' });
  }

  refused({ code, message }: SeaworthyError): void {
    this.#refusal = message;
    this.#metrics.configReloads.inc({ outcome: code });
  }

  health(): ProviderHealth {
    return this.#refusal === undefined
      ? { status: 'healthy', message: 'The configuration is in force.' }
      : { status: 'degraded', message: `The last change was refused, the one before is in force: ${this.#refusal}` };
  }
}
