import type { Implementation, JsonObject, Revision } from '../model/index.js';

/** What a server said of itself: the result of `initialize`, or of `server/discover`. */
export interface ServerFacts {
  readonly revision: Revision;
  readonly serverInfo: Implementation | undefined;
  readonly capabilities: JsonObject;
  readonly instructions: string | undefined;
}

/** A name and version, where the value has both. */
export function implementationOf(value: unknown): Implementation | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { name, version } = value as Record<string, unknown>;
  return typeof name === 'string' && typeof version === 'string' ? (value as Implementation) : undefined;
}
