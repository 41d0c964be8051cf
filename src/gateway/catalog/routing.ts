/**
 * What the lists of several providers do while one of them is not available: `open` shows what is there and names
 * who is missing, `closed` refuses.
 */
export type OnFailure = 'open' | 'closed';

/** Providers that are served together at `/mcp/{group}`, names prefixed as at `/mcp`. */
export interface Group {
  readonly members: ReadonlySet<string>;
  readonly onFailure: OnFailure;
}

/** The routes besides those of single providers. */
export interface Routing {
  /** Of `/mcp`, which serves all. */
  readonly onFailure: OnFailure;
  /** By name; no provider has the name of a group. */
  readonly groups: ReadonlyMap<string, Group>;
}

/** Everything at `/mcp`, each provider alone, no groups. */
export const plainRouting: Routing = { onFailure: 'open', groups: new Map() };
