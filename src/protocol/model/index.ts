export * from './revision.js';
export * from './model.js';
export * from './names.js';
export * from './log-level.js';
export * from './input.js';
export * from './extensions.js';
