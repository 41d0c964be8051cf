export { changesOf, wordRuns, type Change } from './changes.js';
export { definitionOf } from './definition.js';
export { PinBook } from './pin-book.js';
export type { PinSettings, PinStatus } from './pins.js';
export { lockSnapshots } from './lock-file.js';
