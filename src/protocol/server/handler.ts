import type { CallScope, Origin, Principal } from '#kernel/context/index.js';
import type {
  Channel,
  ClientFacts,
  Family,
  ListenFilter,
  ModelNotification,
  ModelRequest,
  ModelResult,
  SessionRef,
} from '../model/index.js';
import type { ClientCertificate } from '../transport/index.js';

/** What a client shows to say who it is. HTTP: its headers; stdio: the user who started us. */
export interface Credentials {
  readonly transport: 'http' | 'stdio';
  /** Header by lower-case name. */
  readonly header: (name: string) => string | undefined;
  /** Address of the client, behind the proxies that are trusted. */
  readonly address: string | undefined;
  /** HTTP method and request target as they came; a DPoP proof names both (RFC 9449, section 4.2). */
  readonly method: string;
  readonly target: string;
  /** Of its TLS connection; behind a proxy there is none. */
  readonly certificate: ClientCertificate | undefined;
}

/** Where a request came in: `/mcp` (all providers, names prefixed) or `/mcp/{provider}` (one, its own names). */
export interface Route {
  readonly provider: string | undefined;
}

/** One request of a client in the canonical model, with everything that the pipeline needs to answer it. */
export interface InboundCall {
  readonly request: ModelRequest;
  readonly client: ClientFacts;
  readonly route: Route;
  readonly scope: CallScope;
  readonly channel: Channel;
  readonly session: SessionRef | undefined;
  /** Reads a header of a modern HTTP request, for the `Mcp-Param-*` check; absent on stdio and in the legacy family. */
  readonly header: ((name: string) => string | undefined) | undefined;
  readonly bytesIn: number;
}

/** Interests of one client that outlive a request: a `subscriptions/listen`, or a legacy session. */
export interface Listener {
  readonly client: ClientFacts;
  readonly route: Route;
  readonly principal: Principal;
  readonly session: SessionRef | undefined;
  readonly filter: ListenFilter;
  /** Absent for a legacy session over HTTP, whose requests may come from anywhere. */
  readonly origin?: Origin | undefined;
  /** Called for every notification that the filter asked for. */
  notify(notification: ModelNotification): void;
}

export interface Listening {
  /** The part of the filter that is honoured. */
  readonly acknowledged: Promise<ListenFilter>;
  close(): void;
}

/** A legacy session that its client has ended. */
export type EndedSession = Pick<Listener, 'client' | 'route' | 'principal' | 'origin'> & {
  readonly session: SessionRef;
};

/** What the protocol layer is given to do the work: the gateway's pipeline. */
export interface Handler {
  /** Counts a request of an address, before anything else is asked of it. @throws SW_RATE_LIMITED */
  enter(address: string | undefined): void;
  /** @throws SW_UNAUTHENTICATED, SW_RATE_LIMITED */
  authenticate(credentials: Credentials): Principal | Promise<Principal>;
  /** Counts a request that is answered without `handle` or `listen`. @throws SW_RATE_LIMITED */
  admit(principal: Principal): void | Promise<void>;
  /** True where the route exists; asked before a body is read. */
  serves(route: Route): boolean;
  /** False where clients of this family have nothing to find at the route. */
  speaks(route: Route, family: Family): boolean;
  /** Answers every method of the canonical model but `subscriptions/listen`. @throws SeaworthyError, PeerError */
  handle(call: InboundCall): Promise<ModelResult>;
  listen(listener: Listener): Listening;
  /** Told once when a client ends its session or its connection. */
  ended(session: EndedSession): void;
}
