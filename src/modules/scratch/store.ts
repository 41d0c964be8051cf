import { randomUUID } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { lstat, mkdir, open, readdir, rename, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { SeaworthyError } from '#kernel/errors/index.js';
import { fail } from './errors.js';

export interface StoreLimits {
  readonly maxFileBytes: number;
  readonly maxFiles: number;
}

export interface FileFacts {
  readonly name: string;
  readonly bytes: number;
  /** ISO 8601. */
  readonly modified: string;
}

export const namePattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$/;

const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK } = constants;

/**
 * Plain files in one flat directory. A name never becomes a path with parts, and a link is never followed, so nothing
 * outside of the directory can be read or written. Writes replace the file whole or not at all.
 */
export class ScratchStore {
  readonly #directory: string;
  readonly #limits: StoreLimits;
  /** Writes run one at a time: the count of files is checked and then changed. */
  #writing: Promise<unknown> = Promise.resolve();

  constructor(directory: string, limits: StoreLimits) {
    this.#directory = directory;
    this.#limits = limits;
  }

  /** Makes the directory, readable by its owner only. @throws SW_SCRATCH_UNAVAILABLE */
  async open(): Promise<void> {
    await withSystemErrors('the directory', () => mkdir(this.#directory, { recursive: true, mode: 0o700 }));
  }

  /** Plain files with allowed names, by name; anything else in the directory is not shown. @throws SW_SCRATCH_UNAVAILABLE */
  async list(): Promise<FileFacts[]> {
    const names = await withSystemErrors('the directory', () => namesIn(this.#directory));
    const facts = await Promise.all(names.filter((name) => namePattern.test(name)).map((name) => this.#factsOf(name)));
    return facts.filter((fact) => fact !== undefined).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** @throws SW_SCRATCH_NAME, SW_SCRATCH_MISSING, SW_SCRATCH_NOT_A_FILE, SW_SCRATCH_TOO_LARGE, SW_SCRATCH_UNAVAILABLE */
  async read(name: string): Promise<Buffer> {
    return withSystemErrors(name, async () => {
      // O_NONBLOCK: opening a named pipe that somebody put there must not hang.
      const file = await open(this.#pathOf(name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      try {
        return await this.#readWhole(name, file);
      } finally {
        await file.close();
      }
    });
  }

  /** Returns true where the file is new. @throws as `read`, and SW_SCRATCH_FULL */
  write(name: string, content: string | Uint8Array): Promise<boolean> {
    const { maxFileBytes: maxBytes } = this.#limits;
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    if (bytes.byteLength > maxBytes) return Promise.reject(fail('SW_SCRATCH_TOO_LARGE', { name, maxBytes }));
    return this.#oneAtATime(() => withSystemErrors(name, () => this.#replace(name, bytes)));
  }

  /** @throws SW_SCRATCH_NAME, SW_SCRATCH_MISSING, SW_SCRATCH_NOT_A_FILE, SW_SCRATCH_UNAVAILABLE */
  delete(name: string): Promise<void> {
    return this.#oneAtATime(() =>
      withSystemErrors(name, async () => {
        const path = this.#pathOf(name);
        requireFile(name, await lstat(path));
        await unlink(path);
      }),
    );
  }

  async #factsOf(name: string): Promise<FileFacts | undefined> {
    try {
      const stats = await lstat(join(this.#directory, name));
      return stats.isFile() ? { name, bytes: stats.size, modified: stats.mtime.toISOString() } : undefined;
    } catch (thrown) {
      if (codeOf(thrown) === 'ENOENT') return undefined; // Deleted since the directory was read.
      throw toError(name, thrown);
    }
  }

  async #readWhole(name: string, file: FileHandle): Promise<Buffer> {
    const { maxFileBytes: maxBytes } = this.#limits;
    const stats = await file.stat();
    requireFile(name, stats);
    if (stats.size > maxBytes) throw fail('SW_SCRATCH_TOO_LARGE', { name, maxBytes });
    return file.readFile();
  }

  async #replace(name: string, bytes: Uint8Array): Promise<boolean> {
    const path = this.#pathOf(name);
    const isNew = !(await existsAsFile(name, path));
    if (isNew && (await this.list()).length >= this.#limits.maxFiles)
      throw fail('SW_SCRATCH_FULL', { maxFiles: this.#limits.maxFiles });
    // The leading dot keeps it out of lists and out of reach: no allowed name begins with one.
    const temporary = join(this.#directory, `.${randomUUID()}`);
    const file = await open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    try {
      await file.writeFile(bytes).finally(() => file.close());
      await rename(temporary, path);
    } catch (thrown) {
      await unlink(temporary);
      throw thrown;
    }
    return isNew;
  }

  #pathOf(name: string): string {
    if (!namePattern.test(name)) throw fail('SW_SCRATCH_NAME', { name });
    return join(this.#directory, name);
  }

  #oneAtATime<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#writing.then(work);
    this.#writing = result.then(over, over);
    return result;
  }
}

const over = (): void => {};

/** None where the directory was not made yet. */
async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') return [];
    throw thrown;
  }
}

async function existsAsFile(name: string, path: string): Promise<boolean> {
  try {
    requireFile(name, await lstat(path));
    return true;
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') return false;
    throw thrown;
  }
}

function requireFile(name: string, stats: Stats): void {
  if (!stats.isFile()) throw fail('SW_SCRATCH_NOT_A_FILE', { name });
}

async function withSystemErrors<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (thrown) {
    throw toError(name, thrown);
  }
}

const codeOf = (thrown: unknown): unknown => (thrown as { code?: unknown }).code;

/** System errors carry host paths in their messages: only their codes go out. */
function toError(name: string, thrown: unknown): SeaworthyError {
  if (thrown instanceof SeaworthyError) return thrown;
  const code = codeOf(thrown);
  if (code === 'ENOENT') return fail('SW_SCRATCH_MISSING', { name }, thrown);
  if (code === 'ELOOP' || code === 'ENXIO' || code === 'EISDIR') return fail('SW_SCRATCH_NOT_A_FILE', { name }, thrown);
  return fail('SW_SCRATCH_UNAVAILABLE', { reason: typeof code === 'string' ? code : 'unknown error' }, thrown);
}
