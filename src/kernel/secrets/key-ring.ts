import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, open, readFile, rename, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { fail, reasonOf } from '#kernel/errors/index.js';

/** One 256-bit key and the four bytes that name it inside a token. */
export interface RingKey {
  readonly id: Buffer;
  readonly key: Buffer;
}

/** The keys of one deployment: the newest seals, all open. */
export interface KeyRing {
  /** Newest last; never empty. A new array after every change. */
  readonly keys: readonly RingKey[];
  /** Adds a key and forgets all but the newest `keep` (default 5): tokens sealed with a forgotten key no longer open. */
  rotate(keep?: number): Promise<void>;
  /** Reads the file again, to see the rotation of another process. */
  reload(): Promise<void>;
}

const keyRingFile = z.strictObject({
  version: z.literal(1),
  keys: z
    .array(
      z.strictObject({
        id: z.string().regex(/^[0-9a-f]{8}$/),
        key: z.string().regex(/^[\w-]{43}$/),
        createdAt: z.string(),
      }),
    )
    .min(1),
});
type KeyRingFile = z.infer<typeof keyRingFile>;

const newEntry = (): KeyRingFile['keys'][number] => ({
  id: randomBytes(4).toString('hex'),
  key: randomBytes(32).toString('base64url'),
  createdAt: new Date().toISOString(),
});

const keysOf = (content: KeyRingFile): readonly RingKey[] =>
  content.keys.map(({ id, key }) => ({ id: Buffer.from(id, 'hex'), key: Buffer.from(key, 'base64url') }));

/**
 * Opens the key ring in `file` (JSON, mode 0600). The first use creates it with one random key; of several processes
 * that start at once, one creates it and all read the same.
 *
 * @throws SW_SECRET_UNAVAILABLE when it cannot be read, is not a key ring, or others may write it
 */
export async function openKeyRing(file: string): Promise<KeyRing> {
  try {
    await createOnce(file);
    return fileKeyRing(file, await readRing(file));
  } catch (error) {
    throw asUnavailable(file, error);
  }
}

/** A ring that lives and dies with the process, for tests and for servers without a data directory. */
export function memoryKeyRing(): KeyRing {
  let content: KeyRingFile = { version: 1, keys: [newEntry()] };
  let keys = keysOf(content);
  return {
    get keys() {
      return keys;
    },
    rotate: async (keep = defaultKeep) => {
      content = rotated(content, keep);
      keys = keysOf(content);
    },
    reload: async () => {},
  };
}

const defaultKeep = 5;

const rotated = (content: KeyRingFile, keep: number): KeyRingFile => ({
  version: 1,
  keys: [...content.keys, newEntry()].slice(-Math.max(1, keep)),
});

function fileKeyRing(file: string, initial: KeyRingFile): KeyRing {
  let keys = keysOf(initial);
  const guarded = async (work: () => Promise<KeyRingFile>): Promise<void> => {
    try {
      keys = keysOf(await work());
    } catch (error) {
      throw asUnavailable(file, error);
    }
  };
  return {
    get keys() {
      return keys;
    },
    reload: () => guarded(() => readRing(file)),
    rotate: (keep = defaultKeep) =>
      guarded(async () => {
        const next = rotated(await readRing(file), keep);
        await rename(await writeBeside(file, next), file);
        return next;
      }),
  };
}

async function createOnce(file: string): Promise<void> {
  if (await exists(file)) return;
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const draft = await writeBeside(file, { version: 1, keys: [newEntry()] });
  try {
    // Unlike a rename, a link never replaces: the second of two first starts keeps the ring of the first.
    await link(draft, file);
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  } finally {
    await unlink(draft);
  }
}

async function exists(file: string): Promise<boolean> {
  try {
    await stat(file);
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
}

/** Writes the whole content to a new file in the same folder and on the disk, so that putting it in place is atomic. */
async function writeBeside(file: string, content: KeyRingFile): Promise<string> {
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  await using handle = await open(draft, 'wx', 0o600);
  await handle.writeFile(`${JSON.stringify(content, null, 2)}\n`);
  await handle.sync();
  return draft;
}

async function readRing(file: string): Promise<KeyRingFile> {
  await narrow(file);
  const parsed = keyRingFile.safeParse(JSON.parse(await readFile(file, 'utf8')));
  if (!parsed.success)
    throw fail('SW_SECRET_UNAVAILABLE', { reference: `file:${file}`, reason: 'it is not a key ring' });
  return parsed.data;
}

/** Takes away what others may do with the file; a ring that others may write is refused where that fails. */
async function narrow(file: string): Promise<void> {
  const { mode } = await stat(file);
  if ((mode & 0o077) === 0) return;
  try {
    await chmod(file, 0o600);
  } catch (error) {
    // A mounted secret is often read-only and readable by its group: tolerable. Writable by others is not.
    if ((mode & 0o022) !== 0) throw error;
  }
}

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code;

function asUnavailable(file: string, error: unknown): unknown {
  if (hasCode(error, 'SW_SECRET_UNAVAILABLE')) return error;
  // JSON's own message quotes the text around the mistake, which may be a key.
  const reason = error instanceof SyntaxError ? 'it is not JSON' : reasonOf(error);
  return fail(
    'SW_SECRET_UNAVAILABLE',
    { reference: `file:${file}`, reason },
    error instanceof SyntaxError ? undefined : error,
  );
}
