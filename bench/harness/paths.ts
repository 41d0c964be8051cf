import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

function findRoot(from: string): string {
  return existsSync(join(from, 'package-lock.json')) ? from : findRoot(dirname(from));
}

/** Folder of the package. */
export const projectRoot = findRoot(import.meta.dirname);
/** Entry of the built program. */
export const programPath = join(projectRoot, 'dist/app/cli/main.js');
/** Folder of the bench's own sources. */
export const benchFolder = join(projectRoot, 'bench');

/** A compiled yardstick server by its file name without extension. */
export function yardstickPath(name: string): string {
  return join(import.meta.dirname, '../yardsticks', `${name}.js`);
}

/** A user module of the bench by its file name without extension. */
export function modulePath(name: string): string {
  return join(benchFolder, 'modules', `${name}.js`);
}
