import { expect, expectTypeOf, it } from 'vitest';
import { type Cells, type CellTable, type ServerCells } from './dimensions.js';
import { anyServer, everywhere, holds } from './expectations.js';
import { cellTable } from './table.js';

// Proven by `npm run types`: each directive fails the compiler when the line below it is accepted.
it('has no place for a missing cell', () => {
  const cell = holds('anything');
  const modern = { http: cell, stdio: cell };
  expectTypeOf({ legacy: { ...modern, sse: cell }, modern }).toExtend<ServerCells>();
  // @ts-expect-error legacy servers over HTTP+SSE are missing
  const withoutSse: ServerCells = { legacy: modern, modern };
  // @ts-expect-error there is no HTTP+SSE in the modern family
  const modernSse: ServerCells = { legacy: { ...modern, sse: cell }, modern: { http: cell, stdio: cell, sse: cell } };
  // @ts-expect-error modern clients are missing
  const withoutModernClients: Cells = { legacy: anyServer(cell) };
  // @ts-expect-error clients over stdio are missing
  const withoutStdioClients: Cells = everywhere({ http: cell });
  const { call: _call, ...others } = cellTable;
  // @ts-expect-error a scenario is missing
  const withoutCall: CellTable = others;
  expect([withoutSse, modernSse, withoutModernClients, withoutStdioClients, withoutCall]).toHaveLength(5);
});
