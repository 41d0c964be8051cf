import type { CallScope } from '#kernel/context/index.js';
import type {
  Channel,
  ClientFacts,
  Family,
  Implementation,
  JsonObject,
  LogLevel,
  ModelNotification,
  ModelRequest,
  ModelResult,
  Prompt,
  Resource,
  ResourceTemplate,
  SessionRef,
  Tool,
} from '#protocol/model/index.js';

/** Everything one provider offers, all pages, at one time. Immutable. Items are the provider's own JSON, verbatim. */
export interface ProviderSnapshot {
  readonly provider: string;
  /** Family the provider speaks; modules are modern. */
  readonly family: Family;
  /** Milliseconds since the epoch when it was read. */
  readonly at: number;
  /** SHA-256 over the lists, to see a change. */
  readonly hash: string;
  readonly serverInfo: Implementation | undefined;
  readonly capabilities: JsonObject;
  readonly instructions: string | undefined;
  readonly tools: readonly Tool[];
  readonly prompts: readonly Prompt[];
  readonly resources: readonly Resource[];
  readonly resourceTemplates: readonly ResourceTemplate[];
  /** How long a client may keep the lists, milliseconds; 0: not at all. */
  readonly ttlMs: number;
  readonly cacheScope: 'public' | 'private';
}

/** One call on its way to a provider, names already the provider's own. */
export interface ProviderCall {
  readonly request: ModelRequest;
  readonly client: ClientFacts;
  readonly scope: CallScope;
  readonly channel: Channel;
  readonly session: SessionRef | undefined;
}

/** A list as notifications name it: templates belong to the resources. */
export type ListKind = 'tools' | 'prompts' | 'resources';

/** What happened at a provider outside of any call. */
export type ProviderEvent =
  | { readonly kind: 'snapshot'; readonly lists: readonly ListKind[] }
  /** It went away or came back; told on a change only. Its last good snapshot stays. */
  | { readonly kind: 'availability'; readonly available: boolean }
  /** `sessionKey`, `principalId` when the provider told one session or principal only: others have their own event. */
  | {
      readonly kind: 'resource-updated';
      readonly uri: string;
      readonly params: JsonObject;
      readonly sessionKey?: string;
      readonly principalId?: string;
    }
  /** The state of a task, told to those who follow it. */
  | { readonly kind: 'task'; readonly taskId: string; readonly params: JsonObject }
  /** A log message or other notification that belongs to no call; whose it is, where it is not everybody's. */
  | {
      readonly kind: 'notification';
      readonly notification: ModelNotification;
      readonly sessionKey?: string;
      readonly principalId?: string;
    };

export interface ProviderHealth {
  readonly status: 'healthy' | 'degraded' | 'unhealthy';
  /** One sentence for the operator; no secrets, no host paths. */
  readonly message: string;
  readonly details?: JsonObject;
}

/** One figure that a provider shows among the metrics. */
export interface MetricSample {
  /** In snake case with the unit at its end; `seaworthy_{provider}_` is put before it. */
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly value: number;
  readonly labels?: Readonly<Record<string, string>>;
}

/**
 * What the gateway sees of a module or of an upstream: something that lists and answers. Nothing above the catalog
 * knows which it is. `test/contract/provider.ts` runs against every kind.
 */
export interface Provider {
  /** `^[a-z0-9][a-z0-9-]{0,31}$`: configuration key, log name, metric label, prefix of names. */
  readonly id: string;
  readonly kind: 'module' | 'stdio' | 'http' | 'sse';

  /**
   * Connects (or begins to); resolves when the first attempt has ended, never rejects for an unreachable peer. One that
   * starts on demand takes over the lists `kept` from an earlier run and waits for its first call.
   */
  start(kept?: ProviderSnapshot): Promise<void>;
  /** The last good snapshot; undefined while there was none. Never waits. */
  snapshot(): ProviderSnapshot | undefined;
  /** False where clients of this family cannot be served. Absent: they can. Never waits. */
  serves?(family: Family): boolean;
  /** Reads all lists anew. Rejects with SW_UPSTREAM_* when that fails; the last good snapshot stays. */
  refresh(): Promise<ProviderSnapshot>;
  /** tools/call, prompts/get, resources/read, completion/complete. Rejects with SeaworthyError or PeerError. */
  invoke(call: ProviderCall): Promise<ModelResult>;
  /**
   * Keeps a set of interests alive for one client (resource URIs, log level); returns the way to end it. List
   * changes are always reported and need no subscription.
   */
  subscribe(interest: ProviderInterest): ProviderSubscription;
  /** Calls back on every event, for the life of the provider. */
  onEvent(listener: (event: ProviderEvent) => void): () => void;
  /** What a tool demands of admission, where the provider says so; undefined for a name that is not offered. */
  policyOf?(tool: string): { readonly scopes: readonly string[] } | undefined;
  /** A client's legacy session is over, with its calls and interests: nothing needs to be kept for it. */
  sessionEnded?(session: SessionRef): void;
  health(): ProviderHealth;
  /** Figures of its own, asked at each scrape. */
  metrics?(): readonly MetricSample[];
  /** Stops taking calls, waits for those in flight. */
  drain(): Promise<void>;
  /** Releases everything. Works after a half-finished start, and twice. */
  stop(): Promise<void>;
}

/** What a caller of one provider needs of it. */
export interface Invocable extends Pick<Provider, 'id' | 'kind' | 'snapshot' | 'invoke'> {
  /** The provider that does the work, where this one only translates. */
  readonly behind?: Invocable;
}

export interface ProviderInterest {
  readonly resources: readonly string[];
  /** Tasks whose states are wanted, as the provider names them. */
  readonly tasks?: readonly string[] | undefined;
  readonly logLevel?: LogLevel | undefined;
  readonly principalId: string;
  readonly session: SessionRef | undefined;
  /** What the client said of itself, for a provider that must open a session for it. */
  readonly client?: ClientFacts | undefined;
}

export interface ProviderSubscription {
  /** URIs and tasks that the provider accepted; settles when it has answered. */
  readonly accepted: Promise<readonly string[]>;
  close(): void;
}
