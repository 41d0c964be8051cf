import { z } from 'zod';
import { tool } from '#gateway/modules/index.js';
import type { ScratchStore, StoreLimits } from '../store.js';
import { fileName } from './file-name.js';

export const writeFile = (
  store: ScratchStore,
  { maxFileBytes }: StoreLimits,
  changed: (name: string, listToo: boolean) => void,
) =>
  tool({
    name: 'write_file',
    title: 'Write a file',
    description: `Writes a text file of at most ${maxFileBytes} bytes to the scratch store. Replaces a file of that name.`,
    input: z.object({ name: fileName, content: z.string().describe('The whole text of the file') }),
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
    scopes: ['scratch:write'],
    async run({ name, content }) {
      const isNew = await store.write(name, content);
      changed(name, isNew);
      return `${isNew ? 'Created' : 'Replaced'} ${name}, ${Buffer.byteLength(content)} bytes.`;
    },
  });
