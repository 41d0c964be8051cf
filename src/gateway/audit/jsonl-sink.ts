import { mkdirSync } from 'node:fs';
import { open, rename, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { reasonOf } from '#kernel/errors/index.js';
import type { Logger } from '#kernel/telemetry/index.js';
import type { AuditRecord, AuditSink } from './record.js';

export interface JsonlSinkOptions {
  readonly file: string;
  readonly logger: Logger;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Records wait at most this long, milliseconds: what a kill -9 can lose. */
  readonly flushMs: number;
  /** Records held while the disk is slow; beyond it the newest are dropped and counted. */
  readonly maxWaiting: number;
  /** The file is put aside under its name and the time when it grows past this, bytes. Nothing is ever deleted. */
  readonly maxFileBytes: number;
  readonly onDropped: (count: number) => void;
}

/** Writes one JSON object per line, in batches. */
export function jsonlSink(options: JsonlSinkOptions): AuditSink {
  let waiting: AuditRecord[] = [];
  let writing = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  let file: FileHandle | undefined;
  let bytes = 0;
  mkdirSync(dirname(options.file), { recursive: true, mode: 0o700 });

  async function openFile(): Promise<FileHandle> {
    if (file && bytes >= options.maxFileBytes) {
      await file.close();
      file = undefined;
      // A file that cannot be renamed is written on: too long is better than lost.
      await rename(
        options.file,
        `${options.file}.${new Date(options.now()).toISOString().replace(/[:.]/g, '-')}`,
      ).catch((error: unknown) => {
        options.logger.warn({ reason: reasonOf(error) }, 'the audit file could not be rotated');
      });
    }
    if (!file) {
      file = await open(options.file, 'a', 0o600);
      bytes = (await stat(options.file)).size;
    }
    return file;
  }

  async function writeBatch(): Promise<void> {
    const batch = waiting;
    waiting = [];
    if (batch.length === 0) return;
    try {
      const handle = await openFile();
      const text = batch.map(lineOf).join('');
      await handle.appendFile(text);
      bytes += Buffer.byteLength(text);
    } catch (error) {
      options.onDropped(batch.length);
      options.logger.error({ records: batch.length, reason: reasonOf(error) }, 'audit records could not be written');
    }
  }

  const flush = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    writing = writing.then(writeBatch);
    return writing;
  };

  return {
    write(record) {
      if (waiting.length >= options.maxWaiting) {
        options.onDropped(1);
        return;
      }
      waiting.push(record);
      timer ??= setTimeout(() => void flush(), options.flushMs).unref();
    },
    flush,
    async close() {
      await flush();
      await file?.close();
      file = undefined;
    },
  };
}

/** A line is made here, off the path of the call that it tells of. */
const lineOf = ({ time, ...rest }: AuditRecord): string =>
  `{"time":"${new Date(time).toISOString()}",${JSON.stringify(rest).slice(1)}\n`;
