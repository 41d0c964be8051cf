import { isUtf8 } from 'node:buffer';
import { extname } from 'node:path';
import { resourceTemplate } from '#gateway/modules/index.js';
import { fail, SeaworthyError } from '#kernel/errors/index.js';
import type { ScratchStore } from './store.js';

export const uriOf = (name: string): string => `scratch:///${name}`;

const mimeTypes: Readonly<Record<string, string>> = {
  '.csv': 'text/csv',
  '.json': 'application/json',
  '.md': 'text/markdown',
};
const mimeTypeOf = (name: string): string => mimeTypes[extname(name)] ?? 'text/plain';

/** The files as resources, each with updates. What is not UTF-8 travels as base64. */
export const files = (store: ScratchStore) =>
  resourceTemplate({
    uriTemplate: 'scratch:///{name}',
    name: 'file',
    title: 'Scratch file',
    description: 'One file of the scratch store.',
    complete: {
      name: async (prefix) => (await store.list()).map(({ name }) => name).filter((name) => name.startsWith(prefix)),
    },
    async list() {
      const facts = await store.list();
      return facts.map(({ name, bytes, modified }) => ({
        uri: uriOf(name),
        name,
        description: `${bytes} bytes, changed ${modified}`,
        mimeType: mimeTypeOf(name),
        size: bytes,
        annotations: { lastModified: modified },
      }));
    },
    async read({ name = '' }, _call, uri) {
      const bytes = await store.read(name).catch((thrown: unknown) => {
        throw isUnknown(thrown) ? fail('SW_RESOURCE_UNKNOWN', { uri }, thrown) : thrown;
      });
      return isUtf8(bytes)
        ? [{ uri, mimeType: mimeTypeOf(name), text: bytes.toString() }]
        : [{ uri, mimeType: 'application/octet-stream', blob: bytes.toString('base64') }];
    },
  });

const isUnknown = (thrown: unknown): boolean =>
  thrown instanceof SeaworthyError && (thrown.code === 'SW_SCRATCH_MISSING' || thrown.code === 'SW_SCRATCH_NAME');
