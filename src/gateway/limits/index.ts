export { Concurrency } from './concurrency.js';
export type { CallLimits } from './limits.js';
