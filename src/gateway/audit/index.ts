export type { ArgumentsMode } from './arguments.js';
export { AuditLog, type AuditLogOptions, type AuditWriter } from './audit-log.js';
export { claimDirectory } from './claim-directory.js';
export { encodedRecord, type KeptRecord } from './encode.js';
export { FileJournal, type FileJournalOptions } from './file-journal.js';
export type { AuditRecord, Outcome } from './record.js';
export { openSigningKey } from './signing-key.js';
