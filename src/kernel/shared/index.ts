export { MemoryRates } from './memory-rates.js';
export { memorySharedState, type MemorySharedState, type MemorySharedStateOptions } from './memory-shared-state.js';
export { openSharedState, type SharedStateOptions } from './open-shared-state.js';
export type { Bus, HeldLock, Locks, Rates, RateRule, RateVerdict, Revocations, SharedState } from './shared-state.js';
