import { z } from 'zod';
import { tool } from '#gateway/modules/index.js';
import type { ScratchStore } from '../store.js';
import { fileName } from './file-name.js';

export const deleteFile = (store: ScratchStore, changed: (name: string, listToo: boolean) => void) =>
  tool({
    name: 'delete_file',
    title: 'Delete a file',
    description: 'Deletes one file of the scratch store. There is no way back.',
    input: z.object({ name: fileName }),
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: false },
    scopes: ['scratch:write'],
    async run({ name }) {
      await store.delete(name);
      changed(name, true);
      return `Deleted ${name}.`;
    },
  });
