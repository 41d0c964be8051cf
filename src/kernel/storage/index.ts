export { tryLockFile, type FileLock } from './file-lock.js';
export type { Migration, StorageDialect } from './migration.js';
export { openStorage, type Storage, type StorageOptions } from './storage.js';
