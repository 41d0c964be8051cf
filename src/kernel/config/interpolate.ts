import type { ConfigProblem } from './problem.js';
import { isPlainObject, pathText, type Path } from './schema-tree.js';
import type { Environment } from './environment.js';

/** Where MCP clients replace variables in the files they share with us; `*` is any one name. */
export const interpolatedPaths: readonly string[] = ['command', 'args', 'env', 'cwd', 'url', 'headers'].map(
  (name) => `mcpServers.*.${name}`,
);

/**
 * Replaces `${NAME}` and `${env:NAME}` by the variable, `${NAME:-text}` by the text when the variable is not set, and
 * `$${` by a plain `${`, in every string at or below the patterns. A name that is not set is a problem that names it.
 */
export function interpolate(
  tree: Record<string, unknown>,
  patterns: readonly string[],
  environment: Environment,
  problems: ConfigProblem[],
): Record<string, unknown> {
  const parts = patterns.map((pattern) => pattern.split('.'));
  const isBelow = (path: Path): boolean =>
    parts.some(
      (pattern) => path.length >= pattern.length && pattern.every((name, i) => name === '*' || name === path[i]),
    );
  const walk = (value: unknown, path: Path): unknown => {
    if (typeof value === 'string') return isBelow(path) ? expand(value, path, environment, problems) : value;
    if (Array.isArray(value)) return value.map((item, place) => walk(item, [...path, place]));
    if (!isPlainObject(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([name, child]) => [name, walk(child, [...path, name])]));
  };
  return walk(tree, []) as Record<string, unknown>;
}

const reference = /\$?\$\{([^{}]*)\}/g;
const variable = /^(?:env:)?([A-Za-z_]\w*)(?::-(.*))?$/s;

function expand(text: string, path: Path, environment: Environment, problems: ConfigProblem[]): string {
  return text.replace(reference, (whole, inside: string) => {
    if (whole.startsWith('$$')) return whole.slice(1);
    const [, name = '', fallback] = variable.exec(inside) ?? [];
    const value = environment[name] ?? fallback;
    if (value !== undefined) return value;
    problems.push(
      name === ''
        ? {
            path: pathText(path),
            message: `\${${inside}} does not name an environment variable`,
            hint: 'Use ${NAME} and set the variable; prompts of an editor do not exist here.',
          }
        : {
            path: pathText(path),
            message: `the environment variable ${name} is not set`,
            hint: `Set ${name}, write \${${name}:-default}, or write $\${${name}} to mean the text itself.`,
          },
    );
    return whole;
  });
}
