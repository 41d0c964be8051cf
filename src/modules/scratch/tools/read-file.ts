import { isUtf8 } from 'node:buffer';
import { z } from 'zod';
import { tool } from '#gateway/modules/index.js';
import { fail } from '../errors.js';
import type { ScratchStore } from '../store.js';
import { fileName } from './file-name.js';

export const readFile = (store: ScratchStore) =>
  tool({
    name: 'read_file',
    title: 'Read a file',
    description: 'Returns the text of one file of the scratch store.',
    input: z.object({ name: fileName }),
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    scopes: ['scratch:read'],
    async run({ name }) {
      const bytes = await store.read(name);
      if (!isUtf8(bytes)) throw fail('SW_SCRATCH_NOT_TEXT', { name });
      return bytes.toString();
    },
  });
