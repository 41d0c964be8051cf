/** A variable of the environment that the written configuration refers to. */
export interface Variable {
  readonly name: string;
  /** Ids of the servers that use it. */
  readonly usedBy: readonly string[];
  /** What the client's file says about it, where it says something. */
  readonly description: string | undefined;
  /** The secret that stood in the client's file in its place. Never printed, never written. */
  readonly literal: string | undefined;
}

interface Entry {
  readonly usedBy: Set<string>;
  readonly literal: string | undefined;
  readonly description: string | undefined;
}

/** Collects the variables of one import. Two secrets never share a name. */
export class Variables {
  readonly #entries = new Map<string, Entry>();

  get all(): readonly Variable[] {
    return [...this.#entries].map(([name, { usedBy, literal, description }]) => ({
      name,
      usedBy: [...usedBy],
      literal,
      description,
    }));
  }

  /** A reference that the client's file already makes. */
  refer(name: string, server: string, description?: string): string {
    const entry = this.#entries.get(name);
    if (entry) entry.usedBy.add(server);
    else this.#entries.set(name, { usedBy: new Set([server]), literal: undefined, description });
    return `\${${name}}`;
  }

  /**
   * A reference in the place of a secret.
   * @param wanted the name it gets unless another secret has it; then the server's name comes first
   */
  conceal(literal: string, wanted: string, server: string): string {
    const base = variableName(wanted);
    const long = variableName(`${server}_${wanted}`);
    for (let number = 0; ; number++) {
      const name = number === 0 ? base : number === 1 ? long : `${long}_${number}`;
      const entry = this.#entries.get(name);
      if (entry && entry.literal !== literal) continue;
      if (entry) entry.usedBy.add(server);
      else this.#entries.set(name, { usedBy: new Set([server]), literal, description: undefined });
      return `\${${name}}`;
    }
  }
}

/** `tickets_x-api-key` becomes `TICKETS_X_API_KEY`; names that are valid already keep their spelling. */
export function variableName(text: string): string {
  if (/^[A-Za-z_]\w*$/.test(text)) return text;
  const name = text
    .toUpperCase()
    .replace(/[^A-Z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '');
  return /^[A-Z]/.test(name) ? name : `MCP_${name}`;
}
