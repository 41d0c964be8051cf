export { Concurrency } from './concurrency.js';
export type { CallLimits } from './limits.js';
export { RateLimits, type RateRules, type RateTier } from './rate-limits.js';
