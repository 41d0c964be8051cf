import type { Family, Revision } from './revision.js';
import type { RawResult } from '../jsonrpc/index.js';

/** A JSON object as it was parsed. Unknown members are kept: what was parsed is what is forwarded. */
export type JsonObject = { [name: string]: unknown };

/** JSON-RPC request id. */
export type RequestId = string | number;

export interface Implementation extends JsonObject {
  name: string;
  version: string;
}

export const logLevels = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'] as const;
export type LogLevel = (typeof logLevels)[number];

/** What the client said of itself: per request in the modern family, per session in the legacy one. */
export interface ClientFacts {
  readonly family: Family;
  readonly revision: Revision;
  readonly info?: Implementation | undefined;
  readonly capabilities: JsonObject;
  /** Absent: the client wants no log notifications (modern), or has set no level (legacy). */
  readonly logLevel?: LogLevel | undefined;
}

/**
 * A request in the canonical (modern) model. `params._meta` no longer holds the envelope
 * (`io.modelcontextprotocol/protocolVersion`, `clientInfo`, `clientCapabilities`, `logLevel`: they are in
 * `ClientFacts`); progress token, trace context and vendor members stay there.
 */
export interface ModelRequest {
  readonly method: string;
  readonly params: JsonObject;
  /**
   * The text of `params.arguments`, present only when parsing it loses something (a number that a double cannot
   * hold). A forwarder writes this text instead of the parsed value.
   */
  readonly argumentsText?: string | undefined;
}

export interface ModelNotification {
  readonly method: string;
  readonly params: JsonObject;
}

/**
 * The result of a request in the canonical model: an object made here, or the bytes an upstream sent. A missing
 * `resultType` means `complete`; missing cache fields mean "do not cache". The codec of the client's revision adds
 * or removes what that revision wants.
 */
export type ModelResult = JsonObject | RawResult;

/** The way back to the client while one request runs. */
export interface Channel {
  /** Sends a notification that belongs to this request (progress, message), in order, before the result. */
  notify(notification: ModelNotification): void;
  /**
   * Asks the client (elicitation/create, sampling/createMessage, roots/list) and waits for its result. Present only
   * where the client's family and transport have a way for it. Rejects with the client's JSON-RPC error.
   */
  readonly ask?: ((method: string, params: JsonObject) => Promise<JsonObject>) | undefined;
  /**
   * Ends the client's stream for now; it comes back after `retryMs` and gets the rest (2025-11-25 polling). Absent
   * where the revision has no such thing.
   */
  readonly suspend?: ((retryMs?: number) => void) | undefined;
}

/** A legacy session as the layers above the protocol see it. */
export interface SessionRef {
  /** Unguessable, stable for the life of the session; safe as a map key, not for logs. */
  readonly key: string;
  /**
   * Asks the client what belongs to none of its calls, on the stream that it keeps open for that; rejects where it
   * keeps none. Absent where nobody can be asked any more.
   */
  readonly ask?: ((method: string, params: JsonObject) => Promise<JsonObject>) | undefined;
}

/** What a client wants to be told of outside of calls (`subscriptions/listen`; legacy: session and its GET stream). */
export interface ListenFilter {
  readonly toolsListChanged?: boolean | undefined;
  readonly promptsListChanged?: boolean | undefined;
  readonly resourcesListChanged?: boolean | undefined;
  readonly resourceSubscriptions?: readonly string[] | undefined;
  /** Tasks whose states are told (tasks extension), as the client knows them. */
  readonly taskIds?: readonly string[] | undefined;
  /** Legacy sessions only: unattributed log messages at or above this level. */
  readonly logLevel?: LogLevel | undefined;
}

export interface Tool extends JsonObject {
  name: string;
  inputSchema: JsonObject;
}
export interface Prompt extends JsonObject {
  name: string;
}
export interface Resource extends JsonObject {
  uri: string;
  name: string;
}
export interface ResourceTemplate extends JsonObject {
  uriTemplate: string;
  name: string;
}
