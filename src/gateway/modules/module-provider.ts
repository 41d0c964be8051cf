import type { Provider } from '#gateway/catalog/index.js';

/** What a tool demands of the gateway's policy; undefined members mean the gateway's own. */
export interface ToolPolicy {
  readonly scopes: readonly string[];
  readonly timeoutMs: number | undefined;
  readonly maxResultBytes: number | undefined;
}

/** A module behind the face that every provider has, and what only modules have. */
export interface ModuleProvider extends Provider {
  readonly kind: 'module';
  /** Makes the module ready without starting its work: enough for `doctor` and for lists. `start` does it too. */
  provision(): Promise<void>;
  /** What a tool demands; undefined for a name that is not offered. */
  policyOf(tool: string): ToolPolicy | undefined;
}
