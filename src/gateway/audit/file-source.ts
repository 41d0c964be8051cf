import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { readRecord, type ReadRecord } from './chain.js';
import { readHead } from './head-file.js';
import { filesOf, linesBackwards, linesOf } from './lines.js';
import type { VerifyingKey } from './signing-key.js';
import type { LocatedLine } from './verify.js';

/** One chain as it is kept somewhere. */
export interface ChainSource {
  /** Where, for people. */
  readonly name: string;
  /** Every line, first to last. */
  forwards(): AsyncGenerator<LocatedLine>;
  /** Every record that can be read, last to first. */
  backwards(): AsyncGenerator<ReadRecord>;
  /** The last checkpoint as it was kept apart. */
  head(key: VerifyingKey): Promise<ReadRecord | undefined>;
}

/** The chains below a directory: that of the first process, and those of processes that ran beside it. */
export async function fileSources(root: string): Promise<ChainSource[]> {
  const directories = await directoriesOf(root);
  const withFiles = await Promise.all(directories.map(async (path) => ({ path, files: await filesOf(path) })));
  return withFiles.filter(({ files }) => files.length > 0).map(({ path, files }) => fileSource(path, files));
}

/** The last checkpoints that the processes of a data directory kept apart. */
export async function readHeads(root: string, key: VerifyingKey): Promise<ReadRecord[]> {
  const heads = await Promise.all((await directoriesOf(root)).map((directory) => readHead(directory, key)));
  return heads.filter((head) => head !== undefined);
}

async function directoriesOf(root: string): Promise<string[]> {
  if (!existsSync(root)) return [];
  const entries = await readdir(root, { withFileTypes: true });
  const beside = entries.filter((entry) => entry.isDirectory() && entry.name.startsWith('process-'));
  return [root, ...beside.map(({ name }) => join(root, name)).sort()];
}

function fileSource(directory: string, files: readonly string[]): ChainSource {
  return {
    name: directory,
    async *forwards() {
      for (const file of files) {
        let number = 0;
        for await (const { text, whole } of linesOf(file))
          yield { text, whole, place: `${basename(file)}:${++number}` };
      }
    },
    async *backwards() {
      for (const file of files.toReversed())
        for await (const { text, whole } of linesBackwards(file)) {
          const record = whole ? readRecord(text) : undefined;
          if (record) yield record;
        }
    },
    head: (key) => readHead(directory, key),
  };
}
