import type { Sealer } from '#kernel/secrets/index.js';
import type { Storage } from '#kernel/storage/index.js';
import type { Logger } from '#kernel/telemetry/index.js';
import type { Clock } from '#kernel/time/index.js';

/** What the application lends to a module. */
export interface ModuleEnvironment {
  readonly log: Logger;
  /** All waiting outside of calls goes through it, so that a test can own time. */
  readonly clock: Clock;
  /** A directory of the module's own. It may not exist yet: make it in `start`. */
  readonly dataDir: string;
  /** Protects the `state` of tools that ask for input. */
  readonly sealer: Sealer;
  /** The application's database; undefined where it has none. A module owns tables that begin with its id. */
  readonly storage?: Storage | undefined;
}

export type ListName = 'tools' | 'prompts' | 'resources';

/** What `provision` gets: the environment, and the way to tell clients that something changed. */
export interface ModuleContext extends ModuleEnvironment {
  /** The module's id. */
  readonly id: string;
  /** Reads the lists anew and tells clients which changed. `resources` includes resource templates. */
  changed(...lists: readonly ListName[]): void;
  /** Tells the subscribers of a resource that it changed. */
  updated(uri: string): void;
  /** Registers how to release what was just acquired: runs at stop, and when provision or start fails later on. */
  onStop(undo: () => Promise<void> | void): void;
}
