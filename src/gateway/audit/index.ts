export { jsonlSink, type JsonlSinkOptions } from './jsonl-sink.js';
export type { AuditRecord, AuditSink, Outcome } from './record.js';
