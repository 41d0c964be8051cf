import type { Logger } from '#kernel/telemetry/index.js';
import { systemClock, type Clock } from '#kernel/time/index.js';
import { MemoryBus } from './memory-bus.js';
import { MemoryLocks } from './memory-locks.js';
import { MemoryRates } from './memory-rates.js';
import { MemoryRevocations } from './memory-revocations.js';
import type { RateRule, RateVerdict, SharedState } from './shared-state.js';

/** Shared state of a single process: here nothing has to be awaited but locks. */
export interface MemorySharedState extends SharedState {
  readonly rates: { take(key: string, rule: RateRule, cost?: number): RateVerdict; readonly size: number };
  readonly revocations: { add(key: string, untilEpochMs: number): void; has(key: string): boolean };
}

export interface MemorySharedStateOptions {
  readonly clock?: Clock;
  /** Most rate buckets, and most revocations, that are kept. Default 100,000 (about 15 MB each when full). */
  readonly maxKeys?: number;
  /** Told about listeners that throw. */
  readonly logger?: Logger;
}

/** Makes the shared state of a single process. No timers run. */
export function memorySharedState(options: MemorySharedStateOptions = {}): MemorySharedState {
  const { clock = systemClock, maxKeys = 100_000 } = options;
  const bus = new MemoryBus(options.logger);
  return {
    rates: new MemoryRates(clock, maxKeys),
    revocations: new MemoryRevocations(clock, maxKeys),
    locks: new MemoryLocks(clock),
    bus,
    health: () => ({ status: 'healthy', message: 'in memory, of this process alone' }),
    close: async () => bus.close(),
  };
}
