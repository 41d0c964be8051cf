import {
  clientTransports,
  families,
  scenarios,
  serverTransports,
  type Cell,
  type Expectation,
  type Family,
  type Scenario,
} from './dimensions.js';
import { cellTable } from './table.js';

/** One expectation of the table and the transports that it is for. */
interface Place {
  readonly expectation: Expectation;
  readonly client: string;
  readonly server: string;
}

const marks: Readonly<Record<Expectation['kind'], string>> = { holds: '✓', translated: '⇄', impossible: '–' };
const pairs = families.flatMap((client) => families.map((server) => ({ client, server })));

/** `docs/reference/cells.md`: what holds between every client and every server, as the test of the cells proves it. */
export function renderCellsReference(): string {
  const head = ['Scenario', ...pairs.map(({ client, server }) => `${client} → ${server}`)];
  const table = [row(head), row(head.map(() => '---')), ...scenarios.map(summary)];
  return `${opening}\n${table.join('\n')}\n\n${explanation}\n${scenarios.map(details).join('\n\n')}\n`;
}

const opening = `<!-- Made by \`npm run docs:generate\` from test/cells/table.ts. Do not edit. -->

# Cells

A client of one protocol family, a server of one, Seaworthy between them: **legacy** is every revision up to
2025-11-25, **modern** is 2026-07-28. Each line holds for clients over HTTP and over stdio, and for servers over HTTP,
stdio and, in the legacy family, HTTP+SSE. \`npx vitest run test/cells\` plays every cell with the official client, the
built gateway and real servers; a cell without an expectation does not compile.

✓ as the client's own family says · ⇄ the same, in another form on the way · – the client's family or the transport
has no form for it, and the answer says so
`;

const explanation = `## What the client gets

\`A → B\` is a client of A and a server of B. Where no place stands before an answer, it is the same in every cell.
`;

const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;

function summary(scenario: Scenario): string {
  const cells = pairs.map(({ client, server }) => {
    const kinds = placesOf(scenario, client, server);
    const [first] = kinds;
    if (kinds.every(({ expectation }) => expectation.kind === first?.expectation.kind))
      return first ? marks[first.expectation.kind] : '';
    return clientTransports
      .map((transport) => {
        const place = kinds.find((candidate) => candidate.client === transport);
        return `${place ? marks[place.expectation.kind] : ''} ${transport}`;
      })
      .join(', ');
  });
  return row([scenario, ...cells]);
}

/** Every place of one pair of families, client transport first. */
function placesOf(scenario: Scenario, client: Family, server: Family): Place[] {
  const cells: Readonly<Record<string, Cell>> = cellTable[scenario][client][server];
  return serverTransports[server].flatMap((transport) =>
    clientTransports.map((clientTransport) => {
      const cell = cells[transport] as Cell;
      const expectation = 'kind' in cell ? cell : cell[clientTransport];
      return { expectation, client: clientTransport, server: transport };
    }),
  );
}

/** Each different answer once, with where it is given. */
function details(scenario: Scenario): string {
  const given = new Map<string, Set<string>>();
  for (const { client, server } of pairs)
    for (const { expectation, client: clientTransport } of placesOf(scenario, client, server)) {
      const { kind, answer, why } = expectation;
      const line = `${marks[kind]} \`${shown(answer)}\`${why === '' ? '' : ` (${why})`}`;
      const places = given.get(line) ?? new Set();
      given.set(line, places.add(`${client} → ${server} ${clientTransport}`));
    }
  const lines = [...given].map(([line, places]) => `- ${line}${whereOf(places)}`);
  return `**${scenario}**\n\n${lines.join('\n')}`;
}

/** Long answers are proven whole and shown short. */
const shown = (answer: string) =>
  (answer.length > 100 ? `${answer.slice(0, 97)}…` : answer).replaceAll('\u2028', '\\u2028');

/** Which cells these are, in the fewest words. */
function whereOf(places: ReadonlySet<string>): string {
  const having = (transports: readonly string[]) =>
    pairs.filter(({ client, server }) =>
      transports.every((transport) => places.has(`${client} → ${server} ${transport}`)),
    );
  const complete = having(clientTransports);
  if (complete.length === pairs.length) return '';
  const partly = clientTransports.flatMap((transport) => {
    const here = having([transport]).filter((pair) => !complete.includes(pair));
    return here.length > 0 ? [`${named(here)} over ${transport}`] : [];
  });
  return `: ${[...(complete.length > 0 ? [named(complete)] : []), ...partly].join('; ')}`;
}

function named(some: typeof pairs): string {
  if (some.length === pairs.length) return 'every client';
  const whole = families.filter((family) => pairs.every((pair) => pair.client !== family || some.includes(pair)));
  const others = some.filter(({ client }) => !whole.includes(client));
  return [
    ...whole.map((family) => `${family} clients`),
    ...others.map(({ client, server }) => `${client} → ${server}`),
  ].join(', ');
}
