/** What a cell is made of. Everything below is derived from these lists, so that adding to one leaves no cell unsaid. */
export const families = ['legacy', 'modern'] as const;
export type Family = (typeof families)[number];

/** How a client reaches the gateway. */
export const clientTransports = ['http', 'stdio'] as const;
export type ClientTransport = (typeof clientTransports)[number];

/** How the gateway reaches a server. HTTP+SSE exists in the legacy family only. */
export const serverTransports = { legacy: ['http', 'stdio', 'sse'], modern: ['http', 'stdio'] } as const;
export type ServerTransport<Server extends Family> = (typeof serverTransports)[Server][number];

/** What a client does and what it needs of the server, one row of the table each, in the order in which they run. */
export const scenarios = [
  'initialize or discover',
  'call',
  'tool error',
  'unknown tool',
  'unknown method',
  'every page of a list',
  'read a resource',
  'missing resource',
  'prompt',
  'completion',
  'protocol error',
  'large result',
  'unknown members',
  'concurrent calls',
  'ping',
  'progress',
  'log message, no level given',
  'set the log level',
  'log message',
  'list changed',
  'resource updated',
  'elicitation, form',
  'elicitation, link',
  'elicitation from a prompt',
  'sampling',
  'roots',
  'several questions at once',
  'several rounds',
  'capability not declared',
  'cancellation',
  'disconnect during a call',
  'resume with Last-Event-ID',
  'server dies during a call',
  'end of the session',
] as const;
export type Scenario = (typeof scenarios)[number];

/**
 * What a client gets, and how that stands to the protocol:
 * - `holds`: what the client's own family says, nothing lost.
 * - `translated`: what the client's family says where the server's family says something else.
 * - `impossible`: the families have no common form, or the transport has none; the answer says so.
 */
export interface Expectation {
  readonly kind: 'holds' | 'translated' | 'impossible';
  /** What the play of the scenario reports, word for word. */
  readonly answer: string;
  /** For the reader of the table; needed where the kind is not `holds`. */
  readonly why: string;
}

/** One expectation, or one per client transport where they differ. */
export type Cell = Expectation | Readonly<Record<ClientTransport, Expectation>>;

/** Every server that a client of one family may meet. */
export type ServerCells = {
  readonly [Server in Family]: { readonly [Transport in ServerTransport<Server>]: Cell };
};

/** All cells of one scenario, by client family, server family and server transport. */
export type Cells = { readonly [Client in Family]: ServerCells };

/** The whole table: a cell that nobody thought about does not compile. */
export type CellTable = { readonly [Name in Scenario]: Cells };
