import type { Module } from '#gateway/modules/index.js';

/** The modules that come with the product, one line each; loaded when the configuration names them. */
export const builtinModules: Readonly<Record<string, () => Promise<Module>>> = {
  example: async () => (await import('#modules/example/index.js')).example,
  scratch: async () => (await import('#modules/scratch/index.js')).scratch,
};
