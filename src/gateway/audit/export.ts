import { createHash } from 'node:crypto';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fail, reasonOf } from '#kernel/errors/index.js';
import { readRecord, type ChainHead } from './chain.js';
import type { ChainSource } from './file-source.js';
import { linesOf } from './lines.js';
import { timeOf } from './query.js';
import type { SigningKey, VerifyingKey } from './signing-key.js';
import { verifyChain, type Verdict } from './verify.js';

/** One chain of an export. */
export interface ExportedChain {
  readonly file: string;
  /** The record before the first; what the first follows. */
  readonly after: ChainHead;
  readonly last: ChainHead;
  readonly records: number;
  /** SHA-256 over the file, hexadecimal. */
  readonly sha256: string;
}

export interface Manifest {
  readonly v: 1;
  /** ISO 8601. */
  readonly madeAt: string;
  readonly key: string;
  readonly chains: readonly ExportedChain[];
}

const manifestName = 'manifest.json';
const signatureName = 'manifest.sig';
const publicKeyName = 'public-key.pem';

export interface ExportRange {
  /** Epoch milliseconds, both included. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

/**
 * Copies a range of every chain to a new directory, as it is, with a signed manifest and the public key.
 * @param onRecords told how many have been copied, now and then
 * @throws SW_FILE_EXISTS
 */
export async function exportAudit(
  sources: readonly ChainSource[],
  range: ExportRange,
  directory: string,
  key: SigningKey,
  onRecords: (records: number) => void,
): Promise<Manifest> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const chains: ExportedChain[] = [];
  for (const source of sources) {
    const file = `records-${chains.length + 1}.jsonl`;
    const chain = await exportChain(source, range, join(directory, file), onRecords);
    if (chain) chains.push({ file, ...chain });
  }
  const manifest: Manifest = { v: 1, madeAt: new Date().toISOString(), key: key.id, chains };
  const text = `${JSON.stringify(manifest, undefined, 2)}\n`;
  await writeNew(join(directory, manifestName), text);
  await writeNew(join(directory, signatureName), key.sign(text));
  await writeNew(join(directory, publicKeyName), key.publicKey);
  return manifest;
}

const writeNew = (file: string, text: string) =>
  writeFile(file, text, { mode: 0o600, flag: 'wx' }).catch((error: unknown) => {
    throw unwritable(file, error);
  });

const unwritable = (file: string, error: unknown) =>
  (error as NodeJS.ErrnoException).code === 'EEXIST'
    ? fail('SW_FILE_EXISTS', { file }, error)
    : fail('SW_FILE_UNWRITABLE', { file, reason: reasonOf(error) }, error);

const progressEvery = 10_000;

/** The records from the first to the last one in the range, with everything between: a chain has no holes. */
async function exportChain(
  source: ChainSource,
  { from = -Infinity, to = Infinity }: ExportRange,
  file: string,
  onRecords: (records: number) => void,
): Promise<Omit<ExportedChain, 'file'> | undefined> {
  await using output = await open(file, 'wx', 0o600).catch((error: unknown) => {
    throw unwritable(file, error);
  });
  const sha256 = createHash('sha256');
  let after: ChainHead | undefined;
  let last: ChainHead | undefined;
  let records = 0;
  for await (const { text, whole } of source.forwards()) {
    const record = whole ? readRecord(text) : undefined;
    if (!record || (!after && timeOf(record) < from)) continue;
    if (timeOf(record) > to) break;
    const { chain, seq, prev, hash } = record;
    after ??= { chain, seq: seq - 1, hash: prev };
    last = { chain, seq, hash };
    const line = `${text}\n`;
    sha256.update(line);
    await output.appendFile(line);
    if (++records % progressEvery === 0) onRecords(records);
  }
  return after && last && { after, last, records, sha256: sha256.digest('hex') };
}

/**
 * Checks an export with a public key that came another way.
 * @returns a verdict for each file; undefined where the manifest is not signed by the key
 * @throws SW_FILE_UNREADABLE
 */
export async function verifyExport(
  directory: string,
  key: VerifyingKey,
): Promise<readonly { readonly name: string; readonly verdict: Verdict }[] | undefined> {
  const [text, signature] = (await Promise.all(
    [manifestName, signatureName].map((name) => readText(join(directory, name))),
  )) as [string, string];
  if (!key.verify(text, signature)) return undefined;
  const { chains } = JSON.parse(text) as Manifest;
  return Promise.all(
    chains.map(async ({ file, after, last, records }) => {
      const lines = locatedLines(join(directory, file), file);
      const verdict = await verifyChain(lines, { key, after });
      const complete = verdict.records === records && verdict.lastGood?.hash === last.hash;
      if (complete || verdict.problems.length > 0) return { name: file, verdict };
      const problem = {
        kind: 'truncated',
        place: file,
        seq: (verdict.lastGood?.seq ?? after.seq) + 1,
        through: last.seq,
      } as const;
      return { name: file, verdict: { ...verdict, problems: [problem] } };
    }),
  );
}

async function* locatedLines(file: string, name: string) {
  let number = 0;
  for await (const { text, whole } of linesOf(file)) yield { text, whole, place: `${name}:${++number}` };
}

const readText = (file: string): Promise<string> =>
  readFile(file, 'utf8').catch((error: unknown) => {
    throw fail('SW_FILE_UNREADABLE', { file, reason: reasonOf(error) }, error);
  });
