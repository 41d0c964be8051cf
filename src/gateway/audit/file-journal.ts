import { mkdir, open, rename, rm, stat, truncate, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { reasonOf } from '#kernel/errors/index.js';
import type { Logger } from '#kernel/telemetry/index.js';
import { readRecord, type ChainedRecord, type ChainHead, type ReadRecord } from './chain.js';
import type { Found, Journal } from './journal.js';
import { currentName, filesOf, linesBackwards } from './lines.js';

/** How much to keep; 0 keeps everything. */
export interface Retention {
  readonly keepDays: number;
  readonly keepBytes: number;
  readonly keepFiles: number;
}

export interface FileJournalOptions {
  readonly directory: string;
  /** The file is put aside under its name and the time when it grows past this, bytes. */
  readonly maxFileBytes: number;
  readonly retention: Retention;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly logger: Logger;
}

const dayMs = 86_400_000;
/** How much of a line that was cut is repeated in the record that tells of it, characters. */
const maxCutText = 1024;

/** One JSON object per line, in a file that is rotated; made with mode 0600. */
export class FileJournal implements Journal {
  readonly name = 'file';
  readonly #options: FileJournalOptions;
  readonly #file: string;
  #handle: FileHandle | undefined;
  /** Bytes that are known to be good: what lies beyond was left by an attempt that failed. */
  #bytes = 0;

  constructor(options: FileJournalOptions) {
    this.#options = options;
    this.#file = join(options.directory, currentName);
  }

  async open(): Promise<Found> {
    await mkdir(this.#options.directory, { recursive: true, mode: 0o700 });
    const cut = await this.#cutTail();
    this.#bytes = await sizeOf(this.#file);
    const last = await this.#lastLine();
    if (last === undefined) return { head: undefined, cut, damaged: undefined };
    const record = readRecord(last);
    if (record?.intact) return { head: record, cut, damaged: undefined };
    await this.rotate();
    return { head: undefined, cut, damaged: 'the last line is no intact record' };
  }

  async append(records: readonly ChainedRecord[]): Promise<void> {
    const data = Buffer.from(records.map(({ text }) => `${text}\n`).join(''));
    try {
      this.#handle ??= await this.#openAtEnd();
      await this.#handle.appendFile(data);
      this.#bytes += data.length;
    } catch (error) {
      await this.#closeHandle();
      throw error;
    }
  }

  get full(): boolean {
    return this.#bytes >= this.#options.maxFileBytes;
  }

  /** A file that cannot be renamed is written on: too long is better than lost. */
  async rotate(): Promise<void> {
    await this.#closeHandle();
    const time = new Date(this.#options.now()).toISOString().replace(/[:.]/g, '-');
    try {
      await rename(this.#file, `${this.#file}.${time}`);
      this.#bytes = 0;
    } catch (error) {
      this.#options.logger.warn({ reason: reasonOf(error) }, 'the audit file could not be rotated');
    }
  }

  async retain(): Promise<ChainHead | undefined> {
    let gone: ChainHead | undefined;
    for (const file of await this.#superfluous()) {
      const last = await lastRecord(file);
      await rm(file);
      if (last) gone = { chain: last.chain, seq: last.seq, hash: last.hash };
    }
    return gone;
  }

  async sync(): Promise<void> {
    await this.#handle?.datasync();
  }

  async close(): Promise<void> {
    await this.#closeHandle();
  }

  /** Rotated files beyond what is kept, oldest first; the current one always stays. */
  async #superfluous(): Promise<string[]> {
    const { keepDays, keepBytes, keepFiles } = this.#options.retention;
    if (keepDays === 0 && keepBytes === 0 && keepFiles === 0) return [];
    const rotated = (await filesOf(this.#options.directory)).filter((file) => file !== this.#file).reverse();
    let bytes = this.#bytes;
    let kept = 0;
    const gone: string[] = [];
    for (const file of rotated) {
      const { size, mtimeMs } = await stat(file);
      bytes += size;
      kept++;
      const isOld = keepDays > 0 && mtimeMs < this.#options.now() - keepDays * dayMs;
      const isMuch = (keepBytes > 0 && bytes > keepBytes) || (keepFiles > 0 && kept > keepFiles);
      // One that goes takes all older ones with it: a chain has no holes.
      if (isOld || isMuch || gone.length > 0) gone.push(file);
    }
    return gone.reverse();
  }

  async #openAtEnd(): Promise<FileHandle> {
    const size = await sizeOf(this.#file);
    if (size > this.#bytes) await truncate(this.#file, this.#bytes);
    return open(this.#file, 'a', 0o600);
  }

  async #closeHandle(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    // What failed to close has failed to write before, and said so.
    await handle?.close().catch((error: unknown) => {
      this.#options.logger.warn({ reason: reasonOf(error) }, 'the audit file could not be closed');
    });
  }

  /** Takes away what a process left behind the last line break when it died. */
  async #cutTail(): Promise<Found['cut']> {
    if ((await sizeOf(this.#file)) === 0) return undefined;
    for await (const { text, bytes, whole } of linesBackwards(this.#file)) {
      if (whole) return undefined;
      await truncate(this.#file, (await sizeOf(this.#file)) - bytes);
      return { bytes, text: text.slice(0, maxCutText) };
    }
    return undefined;
  }

  /** Just after a rotation the current file has none. */
  async #lastLine(): Promise<string | undefined> {
    for (const file of (await filesOf(this.#options.directory)).reverse())
      for await (const { text } of linesBackwards(file)) return text;
    return undefined;
  }
}

async function lastRecord(file: string): Promise<ReadRecord | undefined> {
  for await (const { text } of linesBackwards(file)) return readRecord(text);
  return undefined;
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}
