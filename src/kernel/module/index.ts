export { Lifecycle, type LifecycleHooks, type LifecycleState } from './lifecycle.js';
export { checkModuleId } from './module-id.js';
