export { Lifecycle, type LifecycleHooks, type LifecycleState } from './lifecycle.js';
export { checkModuleId, Registry } from './registry.js';
export { UndoStack } from './undo-stack.js';
