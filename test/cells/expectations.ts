import {
  type Cell,
  type Cells,
  type ClientTransport,
  type Expectation,
  type Family,
  type ServerCells,
  type ServerTransport,
} from './dimensions.js';

export const holds = (answer: string, why = ''): Expectation => ({ kind: 'holds', answer, why });
export const translated = (answer: string, why: string): Expectation => ({ kind: 'translated', answer, why });
export const impossible = (answer: string, why: string): Expectation => ({ kind: 'impossible', answer, why });

/** The same whatever the server is. */
export const anyServer = (cell: Cell): ServerCells => servers({ legacy: cell, modern: cell });

/** What matters of the server is its family. */
export const servers = ({ legacy, modern }: Readonly<Record<Family, Cell>>): ServerCells => ({
  legacy: { http: legacy, stdio: legacy, sse: legacy },
  modern: { http: modern, stdio: modern },
});

/** The same in every cell. */
export const everywhere = (cell: Cell): Cells => clients({ legacy: cell, modern: cell });

/** What matters is the family of the client. */
export const clients = ({ legacy, modern }: Readonly<Record<Family, Cell>>): Cells => ({
  legacy: anyServer(legacy),
  modern: anyServer(modern),
});

/** One server of the table: HTTP+SSE is legacy. */
export type ServerOf = { [Server in Family]: { family: Server; transport: ServerTransport<Server> } }[Family];

/** What the cell of this client and this server says. */
export function expectationOf(cells: Cells, client: Family, transport: ClientTransport, server: ServerOf): Expectation {
  const row = cells[client];
  const cell = server.family === 'legacy' ? row.legacy[server.transport] : row.modern[server.transport];
  return 'kind' in cell ? cell : cell[transport];
}
