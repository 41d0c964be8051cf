import { z } from 'zod';
import { structured, tool } from '#gateway/modules/index.js';
import type { ScratchStore } from '../store.js';

export const listFiles = (store: ScratchStore) =>
  tool({
    name: 'list_files',
    title: 'List files',
    description: 'Lists the files of the scratch store by name, with size and time of the last change.',
    input: z.object({}),
    output: z.object({
      files: z.array(z.object({ name: z.string(), bytes: z.int(), modified: z.string().describe('ISO 8601') })),
    }),
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    scopes: ['scratch:read'],
    run: async () => structured({ files: await store.list() }),
  });
