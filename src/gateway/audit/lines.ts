import { createReadStream } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** The file that is written to; those that were rotated have their time behind this name. */
export const currentName = 'audit.jsonl';

/** The files of one chain, oldest first. A name of a rotated file ends with an ISO time, so names sort by age. */
export async function filesOf(directory: string): Promise<string[]> {
  const names = await readdir(directory);
  const rotated = names.filter((name) => name.startsWith(`${currentName}.`)).sort();
  const all = names.includes(currentName) ? [...rotated, currentName] : rotated;
  return all.map((name) => join(directory, name));
}

const chunkBytes = 64 * 1024;
const lineFeed = 0x0a;

/** One line of a file, with what is left behind the last line break as a line that is not `whole`. */
export interface Line {
  readonly text: string;
  /** Without the line break. */
  readonly bytes: number;
  readonly whole: boolean;
}

/** The lines of a file, first to last, streamed. */
export async function* linesOf(file: string): AsyncGenerator<Line> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(file, { highWaterMark: chunkBytes }) as AsyncIterable<Buffer>) {
    let data = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    for (let end = data.indexOf(lineFeed); end >= 0; end = data.indexOf(lineFeed)) {
      yield { text: data.toString('utf8', 0, end), bytes: end, whole: true };
      data = data.subarray(end + 1);
    }
    rest = data;
  }
  if (rest.length > 0) yield { text: rest.toString('utf8'), bytes: rest.length, whole: false };
}

/** The lines of a file, last to first, read in chunks from its end; only the first can be one that is not whole. */
export async function* linesBackwards(file: string): AsyncGenerator<Line> {
  await using handle = await open(file, 'r');
  let position = (await stat(file)).size;
  let rest: Buffer = Buffer.alloc(0);
  let whole = false;
  while (position > 0) {
    const length = Math.min(chunkBytes, position);
    position -= length;
    const chunk = Buffer.alloc(length);
    await handle.read(chunk, 0, length, position);
    let data = rest.length > 0 ? Buffer.concat([chunk, rest]) : chunk;
    for (let end = data.lastIndexOf(lineFeed); end >= 0; end = data.lastIndexOf(lineFeed)) {
      // Behind the last line break there is usually nothing.
      if (whole || end + 1 < data.length)
        yield { text: data.toString('utf8', end + 1), bytes: data.length - end - 1, whole };
      whole = true;
      data = data.subarray(0, end);
    }
    rest = data;
  }
  if (whole || rest.length > 0) yield { text: rest.toString('utf8'), bytes: rest.length, whole };
}
