export { diffConfig, type ConfigChange } from './diff.js';
export { readEnvironment, type Environment } from './environment.js';
export { field, type FieldMeta, type FieldOptions, type ReloadBehaviour } from './field.js';
export { envExample, jsonSchemaOf, referencePage } from './generate.js';
export { loadConfig, type ConfigSource, type LoadedConfig, type LoadOptions } from './load.js';
export type { ConfigProblem } from './problem.js';
export { watchFile, type FileWatch, type WatchOptions } from './watch.js';
