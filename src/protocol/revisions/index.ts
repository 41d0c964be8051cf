/** One frozen codec per wire family; the folder names are the revisions that define them. */
export * as modern from './2026-07-28/index.js';
export * as legacy from './2025-11-25/index.js';
