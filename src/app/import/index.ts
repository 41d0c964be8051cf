export { discover, type Discovery } from './discover.js';
export type { ServerDefinition } from './normalise.js';
export { existingPlaces, type Surroundings } from './places.js';
export {
  readClientConfigs,
  type Import,
  type ImportedServer,
  type ImportSource,
  type SkippedServer,
} from './read-client-config.js';
export { countsOf, renderConfig, shownPath } from './render.js';
export type { Variable } from './variables.js';
