import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { reasonOf } from '#kernel/errors/index.js';
import type { Logger } from '#kernel/telemetry/index.js';
import { isObject } from '#protocol/jsonrpc/index.js';
import type { ProviderSnapshot } from './provider.js';

/** Keeps the last good snapshot of each provider over a restart, so that the first list is warm. */
export interface SnapshotStore {
  /** What was kept; undefined where there is nothing that can be trusted. */
  load(provider: string): ProviderSnapshot | undefined;
  /** Begins to keep it, and returns at once; of several for one provider the last one counts. */
  save(snapshot: ProviderSnapshot): void;
  /** Resolves when everything given to `save` is kept. */
  flush(): Promise<void>;
}

/** Forgets everything: for tests and programs without a data directory. */
export const noSnapshotStore: SnapshotStore = { load: () => undefined, save: () => {}, flush: async () => {} };

export interface FileSnapshotStoreOptions {
  readonly directory: string;
  /**
   * A digest of a provider's configuration. A snapshot is used again only for the same one: another command or
   * address is another server.
   */
  readonly configurationOf: (provider: string) => string;
  /** Largest file, bytes: what is over it is neither written nor read. */
  readonly maxBytes: number;
  readonly logger: Logger;
}

const format = 2;

/** One file per provider: a line that says what the rest is, and the snapshot. Replaced whole, never changed. */
export function fileSnapshotStore(options: FileSnapshotStoreOptions): SnapshotStore {
  const { configurationOf, directory, logger, maxBytes } = options;
  const fileOf = (provider: string) => join(directory, `${provider}.json`);
  /** What each file holds: configuration and hash. */
  const kept = new Map<string, string>();
  const waiting = new Map<string, { readonly snapshot: ProviderSnapshot; readonly configuration: string }>();
  let writing: Promise<void> | undefined;

  async function writeAll(): Promise<void> {
    for (const [provider, { snapshot, configuration }] of waiting) {
      waiting.delete(provider);
      try {
        await write(provider, render(snapshot, configuration));
        kept.set(provider, `${configuration} ${snapshot.hash}`);
      } catch (error) {
        logger.warn({ provider, reason: reasonOf(error) }, 'a snapshot could not be kept');
      }
    }
    writing = undefined;
  }

  async function write(provider: string, text: string): Promise<void> {
    const bytes = Buffer.byteLength(text);
    if (bytes > maxBytes) throw new RangeError(`it takes ${bytes} bytes, more than lists.maxBytes`);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const temporary = `${fileOf(provider)}.${process.pid}`;
    try {
      await writeFile(temporary, text, { mode: 0o600, flush: true });
      await rename(temporary, fileOf(provider));
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }

  return {
    load(provider) {
      try {
        const text = readBounded(fileOf(provider), maxBytes);
        if (text === undefined) return undefined;
        const { configuration, snapshot } = parse(text, provider);
        if (configuration !== configurationOf(provider)) {
          logger.info({ provider }, 'a kept snapshot is of another configuration and is not used');
          return undefined;
        }
        kept.set(provider, `${configuration} ${snapshot.hash}`);
        return snapshot;
      } catch (error) {
        logger.warn({ provider, reason: reasonOf(error) }, 'a kept snapshot was refused: the first list is not warm');
        return undefined;
      }
    },
    save(snapshot) {
      const configuration = configurationOf(snapshot.provider);
      if (kept.get(snapshot.provider) === `${configuration} ${snapshot.hash}`) return;
      waiting.set(snapshot.provider, { snapshot, configuration });
      writing ??= writeAll();
    },
    flush: async () => writing,
  };
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64url');

function render(snapshot: ProviderSnapshot, configuration: string): string {
  const text = JSON.stringify(snapshot);
  return `${JSON.stringify({ format, configuration, sha256: sha256(text) })}\n${text}\n`;
}

/** The text; undefined where there is no file, which is the normal case of a first start. */
function readBounded(file: string, maxBytes: number): string | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const { size } = fstatSync(descriptor);
    if (size > maxBytes) throw new RangeError(`the file has ${size} bytes, more than lists.maxBytes`);
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}

/** @throws RangeError for what this store did not write, or not so */
function parse(text: string, provider: string): { configuration: string; snapshot: ProviderSnapshot } {
  const [first = '', body = ''] = text.split('\n', 2);
  const head = JSON.parse(first) as unknown;
  if (!isObject(head) || head['format'] !== format) throw new RangeError('it is not in the format of this version');
  if (head['sha256'] !== sha256(body)) throw new RangeError('it is damaged');
  const snapshot = JSON.parse(body) as unknown;
  if (!isSnapshotOf(snapshot, provider)) throw new RangeError('it is no snapshot of this provider');
  return { configuration: String(head['configuration']), snapshot };
}

/** The members that a view relies on: a file that anything else wrote must not break every list. */
const isSnapshotOf = (value: unknown, provider: string): value is ProviderSnapshot =>
  isObject(value) &&
  value['provider'] === provider &&
  (value['family'] === 'modern' || value['family'] === 'legacy') &&
  typeof value['hash'] === 'string' &&
  isObject(value['capabilities']) &&
  typeof value['ttlMs'] === 'number' &&
  (value['cacheScope'] === 'public' || value['cacheScope'] === 'private') &&
  isListOf(value['tools'], 'name') &&
  isListOf(value['prompts'], 'name') &&
  isListOf(value['resources'], 'uri') &&
  isListOf(value['resourceTemplates'], 'uriTemplate');

const isListOf = (value: unknown, key: string): boolean =>
  Array.isArray(value) && value.every((item) => isObject(item) && typeof item[key] === 'string');
