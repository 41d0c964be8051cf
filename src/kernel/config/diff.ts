import { isDeepStrictEqual } from 'node:util';
import type { ReloadBehaviour } from './field.js';
import type { LoadedConfig } from './load.js';
import { isPlainObject, pathText, reloadAt, type Path } from './schema-tree.js';

/** One setting that differs. */
export interface ConfigChange {
  readonly path: string;
  readonly reload: ReloadBehaviour;
}

/** What differs between two configurations of the same schema; a record's entry that came or went is one change. */
export function diffConfig(before: LoadedConfig, after: LoadedConfig): ConfigChange[] {
  return changedPaths(before.config, after.config, []).map((path) => ({
    path: pathText(path),
    reload: reloadAt(after.root, path),
  }));
}

function changedPaths(before: unknown, after: unknown, path: Path): Path[] {
  if (!isPlainObject(before) || !isPlainObject(after)) return isDeepStrictEqual(before, after) ? [] : [path];
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].flatMap((name) => changedPaths(before[name], after[name], [...path, name]));
}
