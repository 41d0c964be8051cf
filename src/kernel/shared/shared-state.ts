/** What may happen how often. A token bucket: `burst` at once, refilled at `limit` per `windowMs`. */
export interface RateRule {
  /** Cost that flows back per window; 0 allows nothing. */
  readonly limit: number;
  readonly windowMs: number;
  /** Most that can be taken at once. Default `limit`. */
  readonly burst?: number | undefined;
}

export interface RateVerdict {
  readonly allowed: boolean;
  /** What could still be taken now, in whole units. */
  readonly remaining: number;
  /** Milliseconds until the same request would pass; 0 when it passed. */
  readonly retryAfterMs: number;
  /** The rule's limit, for a header. */
  readonly limit: number;
  /** True where this process decided alone, because the state that replicas share could not be asked. */
  readonly local?: boolean;
}

export interface Rates {
  /**
   * Takes `cost` (default 1) from the bucket of `key`, or nothing when it holds less. A cost above the burst asks for a
   * full bucket. Synchronous where the state is in memory: await it only when it is a promise, on the hot path.
   */
  take(key: string, rule: RateRule, cost?: number): RateVerdict | Promise<RateVerdict>;
}

export interface Revocations {
  /** Marks `key` as revoked until that time, milliseconds since the epoch. A second call can only prolong it. */
  add(key: string, untilEpochMs: number): void | Promise<void>;
  /** Asks the mirror in memory: never waits, may lag behind another replica by the time of one message. */
  has(key: string): boolean;
}

/** A lock that this process holds. */
export interface HeldLock {
  /** Grows with every holder of the name: what the lock protects can refuse a holder that was overtaken. */
  readonly fence: number;
  /** Holds it for `ttlMs` from now; false when it was lost meanwhile, and then the work must stop. */
  extend(ttlMs: number): Promise<boolean>;
  /** Gives it back; does nothing when it was lost. */
  release(): Promise<void>;
}

export interface Locks {
  /** Takes the lock for `ttlMs`, or resolves to undefined at once when somebody holds it. */
  acquire(name: string, ttlMs: number): Promise<HeldLock | undefined>;
}

export interface Bus {
  /** Sends to every subscriber in every replica, this process included. Delivered later, at most once, in order. */
  publish(channel: string, message: string): void | Promise<void>;
  /** Calls back on every message from now on; returns the way to stop. */
  subscribe(channel: string, listener: (message: string) => void): () => void;
}

/**
 * What replicas must agree on. Code above never knows whether it lives in memory or in Redis:
 * `test/contract/shared-state.ts` runs against every kind.
 */
export interface SharedState {
  readonly rates: Rates;
  readonly revocations: Revocations;
  readonly locks: Locks;
  readonly bus: Bus;
  /** `degraded` while this process decides alone. */
  health(): { readonly status: 'healthy' | 'degraded'; readonly message: string };
  /** Releases everything; nothing is delivered afterwards. Works twice. */
  close(): Promise<void>;
}
