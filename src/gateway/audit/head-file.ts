import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readRecord, type ChainedRecord, type ReadRecord } from './chain.js';
import { checkpointText, type VerifyingKey } from './signing-key.js';

/** Beside the files of a chain: its last checkpoint, by which a log that lost its end is noticed. */
const headName = 'head.json';

/** The last checkpoint; undefined where there is none, or none that our key signed. */
export async function readHead(directory: string, key: VerifyingKey): Promise<ReadRecord | undefined> {
  let text: string;
  try {
    text = await readFile(join(directory, headName), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const record = readRecord(text.trimEnd());
  return record?.intact && isSignedCheckpoint(record, key) ? record : undefined;
}

/** Replaces it whole, so that a crash leaves the old or the new. */
export async function writeHead(directory: string, checkpoint: ChainedRecord): Promise<void> {
  const draft = join(directory, `${headName}.${randomBytes(4).toString('hex')}`);
  await writeFile(draft, `${checkpoint.text}\n`, { mode: 0o600 });
  await rename(draft, join(directory, headName));
}

/** True for a checkpoint whose signature over all before it is good. */
export function isSignedCheckpoint({ members, chain, seq, prev }: ReadRecord, key: VerifyingKey): boolean {
  const { event, key: keyId, signature } = members;
  if (event !== 'checkpoint' || keyId !== key.id || typeof signature !== 'string') return false;
  return key.verify(checkpointText({ chain, seq: seq - 1, hash: prev }), signature);
}
