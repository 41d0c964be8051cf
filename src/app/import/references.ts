import { basename, sep } from 'node:path';
import { variableName, type Variables } from './variables.js';

/** What the references of a client's file are replaced from. */
export interface ReferenceContext {
  readonly server: string;
  readonly variables: Variables;
  /** The folder that the client would have open. */
  readonly workspace: string;
  readonly home: string;
  /** Descriptions of VS Code's `inputs`, by id. */
  readonly inputs: ReadonlyMap<string, string>;
}

/**
 * Rewrites the references of the clients as `${NAME}` or `${NAME:-default}`: they write `${env:NAME}`, `${input:id}`,
 * `${workspaceFolder}`, `${userHome}` too. What we do not know is escaped, so that it stays the text that it was.
 */
export function convertReferences(text: string, context: ReferenceContext): string {
  return text.replace(/\$\{([^{}]*)\}/g, (whole, inner: string) => {
    const place = places[inner];
    if (place) return place(context);
    const [, kind, rest = ''] = /^(env|input):(.+)$/.exec(inner) ?? [];
    if (kind === 'env') return context.variables.refer(rest, context.server);
    if (kind === 'input')
      return context.variables.refer(
        variableName(rest.replace(/[^A-Za-z0-9]+/g, '_').toUpperCase()),
        context.server,
        context.inputs.get(rest),
      );
    const [, name, fallback] = /^([A-Za-z_]\w*)(?::-(.*))?$/.exec(inner) ?? [];
    if (name === undefined) return `$${whole}`;
    return fallback === undefined ? context.variables.refer(name, context.server) : whole;
  });
}

const places: Readonly<Record<string, (context: ReferenceContext) => string>> = {
  workspaceFolder: ({ workspace }) => workspace,
  workspaceFolderBasename: ({ workspace }) => basename(workspace),
  userHome: ({ home }) => home,
  pathSeparator: () => sep,
  '/': () => sep,
};
