import { join } from 'node:path';
import { defineModule } from '#gateway/modules/index.js';
import { field } from '#kernel/config/index.js';
import { files, uriOf } from './resources.js';
import { ScratchStore } from './store.js';
import { deleteFile } from './tools/delete-file.js';
import { listFiles } from './tools/list-files.js';
import { readFile } from './tools/read-file.js';
import { writeFile } from './tools/write-file.js';

const config = field.section(
  {
    directory: field.string({
      doc: "Where the files are; files/ in the module's data directory where it is not set.",
      optional: true,
      minLength: 1,
    }),
    maxFileBytes: field.int({
      doc: 'Largest file.',
      unit: 'bytes',
      default: 256 * 1024,
      min: 1,
      max: 16 * 1024 * 1024,
    }),
    maxFiles: field.int({ doc: 'Most files.', default: 100, min: 1, max: 10_000 }),
  },
  'A small store of text files.',
);

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
