import type { z } from 'zod';
import { nearestName } from './nearest-name.js';
import { pathText, schemaAt, shapeOf, unwrap, type Path } from './schema-tree.js';

/** One thing that is wrong with a configuration. */
export interface ConfigProblem {
  /** Where, as text; empty for the file as a whole. */
  readonly path: string;
  /** Without the value itself, which may be a secret. */
  readonly message: string;
  /** What to do. */
  readonly hint: string;
  /** Line in the file, from 1, where it is known. */
  readonly line?: number;
}

/** Everything that is wrong with a parsed tree, in words that name the setting. */
export function problemsOf(
  root: z.ZodType,
  issues: readonly z.core.$ZodIssue[],
  lineOf: (path: Path) => number | undefined,
): ConfigProblem[] {
  return issues.flatMap((issue) => {
    const path = issue.path.filter((key) => typeof key !== 'symbol');
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => unknownName(root, [...path, key], lineOf([...path, key])));
    }
    if (issue.code === 'invalid_union') return closestBranch(issue, path, (inner) => problemsOf(root, inner, lineOf));
    return [located(lineOf(path), { path: pathText(path), message: messageOf(issue), hint: hintAt(root, path) })];
  });
}

/** A name that no setting has, with the one that was probably meant. */
export function unknownName(root: z.ZodType, path: Path, line?: number): ConfigProblem {
  const name = String(path.at(-1));
  const section = schemaAt(root, path.slice(0, -1));
  const valid = Object.keys((section && shapeOf(section)) ?? {});
  const nearest = nearestName(name, valid);
  const hint =
    nearest !== undefined
      ? `The nearest valid name is ${pathText([...path.slice(0, -1), nearest])}.`
      : valid.length > 0
        ? `Valid names here: ${valid.join(', ')}.`
        : 'Remove it: nothing can be set below this name.';
  return located(line, { path: pathText(path), message: 'is not a known setting', hint });
}

const located = (line: number | undefined, problem: ConfigProblem): ConfigProblem =>
  line === undefined ? problem : { ...problem, line };

/** Of several shapes that a value may have, the one with the fewest complaints is the one that was meant. */
function closestBranch(
  issue: z.core.$ZodIssueInvalidUnion,
  path: Path,
  report: (issues: z.core.$ZodIssue[]) => ConfigProblem[],
): ConfigProblem[] {
  const branches = issue.errors.map((errors) =>
    report(errors.map((inner) => ({ ...inner, path: [...path, ...inner.path] }))),
  );
  return branches.sort((a, b) => a.length - b.length)[0] ?? [];
}

function messageOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type' && issue.message.endsWith('received undefined')) return 'is required';
  const text = issue.message.replace(/^Invalid input: /, '').replace(/^Invalid option: /, '');
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function hintAt(root: z.ZodType, path: Path): string {
  const schema = schemaAt(root, path);
  return (schema && unwrap(schema).meta.description) ?? 'Compare it with the configuration reference.';
}
