// The suite imports fs.globSync, which Node 20 lacks, for a sub-command that is not used here. Loaded with --import,
// this gives the suite, and only it, a stand-in so that the rest of it starts.
import fs from 'node:fs';
import { register } from 'node:module';

const module = (source: string) => `data:text/javascript,${encodeURIComponent(source)}`;

if (!('globSync' in fs)) {
  const standIn = module(`
    import fs from 'node:fs';
    export default fs;
    export * from 'node:fs';
    export const globSync = () => { throw new Error('fs.globSync needs Node 22'); };
  `);
  register(
    module(`
      export const resolve = (specifier, context, next) =>
        /^(node:)?fs$/.test(specifier) && context.parentURL?.includes('/@modelcontextprotocol/conformance/dist/')
          ? { url: ${JSON.stringify(standIn)}, shortCircuit: true }
          : next(specifier, context);
    `),
  );
}
