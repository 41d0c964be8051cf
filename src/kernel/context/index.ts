export type { Principal } from './principal.js';
export { CallScope, type CancelReason } from './scope.js';
