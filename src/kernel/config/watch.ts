import { createHash } from 'node:crypto';
import { readFile, realpath } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { fail, reasonOf } from '#kernel/errors/index.js';

export interface WatchOptions {
  /** How long the file must be quiet before it is looked at, milliseconds. Default 200. */
  readonly debounceMs?: number;
  /** Told when the system cannot watch any more (its limit of watches, a folder that is gone). */
  readonly onError?: (error: unknown) => void;
}

export interface FileWatch {
  /** Stops; `onChange` is not called afterwards. */
  close(): Promise<void>;
}

/**
 * Calls back when the content of a file has changed. It watches the folder and compares content, so it survives an
 * editor that replaces the file, a mounted ConfigMap that swaps a link above it, and the moment in which neither exists.
 * Resolves when changes are being seen.
 *
 * @throws SW_CONFIG_UNREADABLE when the system refuses to watch
 */
export async function watchFile(file: string, onChange: () => void, options: WatchOptions = {}): Promise<FileWatch> {
  const { debounceMs = 200 } = options;
  const { watch } = await import('chokidar');
  const path = resolve(file);
  // The file may be a link: then the link can be replaced, and what it leads to can be written.
  const target = await realTarget(path);
  const folders = new Set([dirname(path), dirname(target)]);
  const names = new Set([basename(path), basename(target), configMapLink]);
  let last = await fingerprint(path);
  const watcher = watch([...folders], {
    depth: 0,
    ignoreInitial: true,
    // A followed link is only looked at through what it led to at first, and its replacement would go unseen.
    followSymlinks: false,
    ignored: (entry) => !folders.has(resolve(entry)) && !names.has(basename(entry)),
  });
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  const look = async (): Promise<void> => {
    const current = await fingerprint(path);
    if (isClosed || current === undefined || current === last) return;
    last = current;
    onChange();
  };
  watcher.on('all', () => {
    clearTimeout(timer);
    timer = setTimeout(() => void look(), debounceMs);
  });
  watcher.on('error', (error) => options.onError?.(error));
  await new Promise<void>((ready, failed) => {
    watcher.once('ready', ready);
    watcher.once('error', (error) => {
      failed(fail('SW_CONFIG_UNREADABLE', { file, reason: reasonOf(error) }, error));
    });
  });
  // A change while the watcher was starting brought no event.
  await look();
  return {
    close: async () => {
      isClosed = true;
      clearTimeout(timer);
      await watcher.close();
    },
  };
}

/** Kubernetes mounts files as links through this one, and changes only it. */
const configMapLink = '..data';

/** The file behind all links; the path itself while there is no file. */
async function realTarget(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    return path;
  }
}

/** Undefined while the file is not there or cannot be read: the next change will show what became of it. */
async function fingerprint(path: string): Promise<string | undefined> {
  try {
    return createHash('sha256')
      .update(await readFile(path))
      .digest('base64');
  } catch {
    return undefined;
  }
}
