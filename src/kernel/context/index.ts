export type { Principal } from './principal.js';
export { ByteBudget, countedBytes } from './byte-budget.js';
export type { Origin } from './origin.js';
export { CallScope, type CancelReason } from './scope.js';
