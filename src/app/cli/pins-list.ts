import { exitCodes } from './failure.js';
import { plain, revealed, singular, withPins, type PinsOptions } from './pins.js';
import type { Terminal } from './terminal.js';

export const action = (terminal: Terminal, options: PinsOptions, ...selectors: string[]): Promise<number> =>
  withPins(options, selectors, async ({ gateway, chosen, unavailable }) => {
    const items = chosen.flatMap(({ snapshot, items }) => items.map((item) => ({ provider: snapshot.provider, item })));
    const rows = items.map(({ provider, item }) => [
      provider,
      singular[item.kind],
      revealed(item.name),
      item.held ? `${item.state}, held back` : item.state,
      (item.current?.hash ?? item.pin?.approved?.hash ?? '').slice(0, 'sha256:'.length + 12),
    ]);
    const table = await terminal.table(['server', 'kind', 'name', 'state', 'hash'], rows);
    const file = gateway.pinBook.file;
    terminal.result(
      { lockFile: file ?? null, items: items.map(({ provider, item }) => plain(provider, item)), unavailable },
      () => (rows.length === 0 ? 'Nothing is pinned.' : table),
    );
    if (unavailable.length > 0) terminal.note(terminal.paint.yellow(`Not answering: ${unavailable.join(', ')}.`));
    terminal.note(terminal.paint.dim(`Decisions are kept in ${file ?? 'the database'}.`));
    return unavailable.length > 0 ? exitCodes.unreachable : exitCodes.ok;
  });
