export type { Migration, StorageDialect } from './migration.js';
export { openStorage, type Storage, type StorageOptions } from './storage.js';
