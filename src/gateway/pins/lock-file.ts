import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { fail, reasonOf } from '#kernel/errors/index.js';
import { isObject } from '#protocol/jsonrpc/index.js';
import type { ProviderSnapshot } from '../catalog/index.js';
import { approvalOf, sightingsOf, type PinKind } from './definition.js';
import { emptyPinSet, parsePinSet, renderPinSet, withPins, type PinSet } from './pin-set.js';

/** The format that this version writes, and the only one that it reads. */
const version = 1;

/** The text of a lock file: the same pins give the same bytes, one fact a line. */
export function renderLock(sets: ReadonlyMap<string, PinSet>): string {
  const sorted = [...sets].sort(([a], [b]) => (a < b ? -1 : 1));
  const servers = Object.fromEntries(sorted.map(([provider, set]) => [provider, renderPinSet(set)]));
  return `${JSON.stringify({ version, servers }, undefined, 2)}\n`;
}

/**
 * The pins of a lock file by server; undefined where there is no file.
 * @throws SW_PIN_LOCK_INVALID for one that is not whole, or in which a definition and its hash do not agree
 */
export async function readLock(file: string): Promise<Map<string, PinSet> | undefined> {
  try {
    const value = JSON.parse(await readFile(file, 'utf8')) as unknown;
    if (!isObject(value) || value['version'] !== version) throw new RangeError(`its version is not ${version}`);
    if (!isObject(value['servers'])) throw new RangeError('servers is not an object');
    return new Map(Object.entries(value['servers']).map(([id, set]) => [id, parsePinSet(set, true)]));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fail('SW_PIN_LOCK_INVALID', { file, reason: reasonOf(error) }, error);
  }
}

/** Puts the whole file in place of the old one in one step. @throws SW_FILE_UNWRITABLE */
export async function writeLock(file: string, sets: ReadonlyMap<string, PinSet>): Promise<void> {
  const temporary = `${file}.${process.pid}`;
  try {
    const handle = await open(temporary, 'w', 0o644);
    try {
      await handle.writeFile(renderLock(sets));
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw fail('SW_FILE_UNWRITABLE', { file, reason: reasonOf(cause) }, cause);
  }
}

/**
 * Writes the first lock file of an installation: everything that servers offer now is approved.
 * @param force false: servers that the file names already stay as they are
 * @throws SW_PIN_LOCK_INVALID, SW_FILE_UNWRITABLE
 */
export async function lockSnapshots(
  file: string,
  snapshots: readonly ProviderSnapshot[],
  kinds: readonly PinKind[],
  force: boolean,
): Promise<void> {
  const seen = snapshots.map((snapshot) => {
    const pins = sightingsOf(snapshot).filter(({ kind }) => kinds.includes(kind));
    return [snapshot.provider, withPins(emptyPinSet, pins.map(approvalOf), true)] as const;
  });
  const known = [...((await readLock(file)) ?? [])];
  await writeLock(file, new Map(force ? [...known, ...seen] : [...seen, ...known]));
}

/** Differs when the file does; undefined where there is none. Reads no content. */
export async function lockStamp(file: string): Promise<string | undefined> {
  try {
    const { ino, mtimeMs, size } = await stat(file);
    return `${ino} ${mtimeMs} ${size}`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
