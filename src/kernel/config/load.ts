import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { fail, reasonOf } from '#kernel/errors/index.js';
import { coerceText } from './coerce.js';
import type { Environment } from './environment.js';
import { interpolate, interpolatedPaths } from './interpolate.js';
import { problemsOf, unknownName, type ConfigProblem } from './problem.js';
import { isPlainObject, listFields, pathText, schemaAt, shapeOf, unwrap, type Path } from './schema-tree.js';
import { parseSource, type SourceText } from './source-text.js';

/** Where a value came from. */
export type ConfigSource = 'default' | 'file' | 'env' | 'flag';

export interface LoadOptions {
  /** Path of a YAML or JSON file. Without it and `text`, there are defaults, environment and flags. */
  readonly file?: string;
  /** Content to use instead of reading `file`; `file` then only names it. */
  readonly text?: string;
  readonly environment: Environment;
  /** Values by dotted path, as given on the command line. */
  readonly flags?: Readonly<Record<string, string>>;
  /** Patterns of paths below which `${NAME}` is replaced. Default: the strings of `mcpServers` that clients replace. */
  readonly interpolate?: readonly string[];
}

/** A validated configuration. */
export interface LoadedConfig<Root extends z.ZodType = z.ZodType> {
  /** Complete and frozen at every depth. */
  readonly config: z.output<Root>;
  /** Where each value came from, by path as text. Lists and empty objects count as one value. */
  readonly sources: ReadonlyMap<string, ConfigSource>;
  readonly file: string | undefined;
  /** The schema it was read with. */
  readonly root: Root;
}

/**
 * Builds the configuration: defaults, then the file, then the environment, then flags. An empty environment variable
 * counts as not set.
 *
 * @throws SW_CONFIG_UNREADABLE when the file cannot be read; SW_CONFIG_INVALID with every problem in `details.errors`
 */
export function loadConfig<Root extends z.ZodType>(root: Root, options: LoadOptions): LoadedConfig<Root> {
  const { environment, flags = {}, file } = options;
  const source = readSource(options);
  const problems: ConfigProblem[] = [];
  const patterns = options.interpolate ?? interpolatedPaths;
  const tree = interpolate(source.tree, patterns, environment, problems);
  const fromEnvironment = applyEnvironment(root, tree, environment, problems);
  const fromFlags = applyFlags(root, tree, flags, problems);
  const parsed = root.safeParse(tree);
  if (!parsed.success) problems.push(...problemsOf(root, parsed.error.issues, (path) => source.lineOf(path)));
  if (problems.length > 0 || !parsed.success) throw invalid(problems, file);
  const sources = new Map<string, ConfigSource>();
  for (const path of leavesOf(parsed.data, [])) {
    const isFrom = (paths: readonly Path[]): boolean => paths.some((set) => set.every((key, i) => key === path[i]));
    const origin = isFrom(fromFlags)
      ? 'flag'
      : isFrom(fromEnvironment)
        ? 'env'
        : has(source.tree, path)
          ? 'file'
          : 'default';
    sources.set(pathText(path), origin);
  }
  return { config: deepFreeze(parsed.data), sources, file, root };
}

function readSource({ file, text }: LoadOptions): SourceText {
  if (text === undefined && file === undefined) return { tree: {}, lineOf: () => undefined };
  const source = parseSource(text ?? readText(file ?? ''));
  if ('tree' in source) return source;
  throw invalid(source, file);
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw fail('SW_CONFIG_UNREADABLE', { file, reason: reasonOf(error) }, error);
  }
}

function invalid(errors: readonly ConfigProblem[], file: string | undefined): Error {
  const lines = errors.map(({ path, message, hint, line }) => {
    const place = line === undefined ? '' : ` (${file ?? 'line'}${file === undefined ? ' ' : ':'}${line})`;
    return `${path === '' ? '' : `${path} `}${message}${place}. ${hint}`.replace(/[.]$/, '');
  });
  const reason = lines.length === 1 ? (lines[0] ?? '') : `${lines.length} problems\n  ${lines.join('\n  ')}`;
  return fail('SW_CONFIG_INVALID', { reason, errors, ...(file === undefined ? {} : { file }) });
}

function applyEnvironment(
  root: z.ZodType,
  tree: Record<string, unknown>,
  environment: Environment,
  problems: ConfigProblem[],
): Path[] {
  return listFields(root).flatMap(({ path, meta }) => {
    const text = meta.env === undefined ? undefined : environment[meta.env];
    if (text === undefined || text === '') return [];
    return applyText(root, tree, path, text, String(meta.env), problems) ? [path] : [];
  });
}

function applyFlags(
  root: z.ZodType,
  tree: Record<string, unknown>,
  flags: Readonly<Record<string, string>>,
  problems: ConfigProblem[],
): Path[] {
  return Object.entries(flags).flatMap(([name, text]) => {
    const path = name.split('.');
    return applyText(root, tree, path, text, `--${name}`, problems) ? [path] : [];
  });
}

/** Sets one value from text; what is wrong goes to `problems`. */
function applyText(
  root: z.ZodType,
  tree: Record<string, unknown>,
  path: readonly string[],
  text: string,
  origin: string,
  problems: ConfigProblem[],
): boolean {
  const known = path.findIndex((_key, i) => schemaAt(root, path.slice(0, i + 1)) === undefined);
  const schema = schemaAt(root, path);
  if (schema === undefined) {
    problems.push(unknownName(root, path.slice(0, known + 1)));
    return false;
  }
  const coerced = coerceText(schema, text);
  if (!coerced.ok) {
    const { meta } = unwrap(schema);
    const shown = meta.secret || shapeOf(schema) ? '' : `, not ${JSON.stringify(text)}`;
    const hint = meta.description ?? 'Compare it with the configuration reference.';
    problems.push({ path: pathText(path), message: `from ${origin} must be ${coerced.expected}${shown}`, hint });
    return false;
  }
  let parent = tree;
  for (const key of path.slice(0, -1)) {
    const child = Object.hasOwn(parent, key) ? parent[key] : undefined;
    const next = isPlainObject(child) ? child : {};
    put(parent, key, next);
    parent = next;
  }
  put(parent, path.at(-1) ?? '', coerced.value);
  return true;
}

/** Defines instead of assigning: the name of a record's entry may be `__proto__`. */
const put = (object: Record<string, unknown>, key: string, value: unknown): void => {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
};

function leavesOf(value: unknown, path: Path): Path[] {
  if (!isPlainObject(value) || Object.keys(value).length === 0) return [path];
  return Object.entries(value).flatMap(([name, child]) => leavesOf(child, [...path, name]));
}

function has(tree: unknown, path: Path): boolean {
  let value = tree;
  for (const key of path) {
    if (!isPlainObject(value) || !Object.hasOwn(value, key)) return false;
    value = value[key];
  }
  return true;
}

function deepFreeze<T>(value: T): T {
  if (Array.isArray(value)) value.forEach(deepFreeze);
  else if (isPlainObject(value)) Object.values(value).forEach(deepFreeze);
  else return value;
  return Object.freeze(value);
}
