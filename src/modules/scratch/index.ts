import { join } from 'node:path';
import { z } from 'zod';
import { defineModule } from '#gateway/modules/index.js';
import { files, uriOf } from './resources.js';
import { ScratchStore } from './store.js';
import { deleteFile } from './tools/delete-file.js';
import { listFiles } from './tools/list-files.js';
import { readFile } from './tools/read-file.js';
import { writeFile } from './tools/write-file.js';

const config = z.strictObject({
  directory: z
    .string()
    .min(1)
    .optional()
    .describe("Where the files are. Default: files/ in the module's data directory."),
  maxFileBytes: z
    .int()
    .min(1)
    .max(16 * 1024 * 1024)
    .default(256 * 1024)
    .describe('Largest file, bytes.'),
  maxFiles: z.int().min(1).max(10_000).default(100).describe('Most files.'),
});

/** A small store of text files in one flat directory, for clients that need a place to keep notes. */
export const scratch = defineModule({
  id: 'scratch',
  doc: 'A small store of text files in one flat directory.',
  config,
  scopes: {
    'scratch:read': 'List and read the files',
    'scratch:write': 'Write and delete files',
  },
  provision(ctx, { directory = join(ctx.dataDir, 'files'), ...limits }) {
    const store = new ScratchStore(directory, limits);
    /** Clients hear of a changed file, and of a changed list when a file came or went. */
    const changed = (name: string, listToo: boolean) => {
      ctx.updated(uriOf(name));
      if (listToo) ctx.changed('resources');
    };
    return {
      tools: [listFiles(store), readFile(store), writeFile(store, limits, changed), deleteFile(store, changed)],
      resourceTemplates: [files(store)],
      start: () => store.open(),
    };
  },
});
