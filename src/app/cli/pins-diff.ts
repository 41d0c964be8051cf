import { wordRuns, type Change, type PinStatus } from '#gateway/pins/index.js';
import { exitCodes } from './failure.js';
import { changesIn, isPending, plain, revealed, singular, withPins, type PinsOptions } from './pins.js';
import type { Terminal } from './terminal.js';

export const action = (terminal: Terminal, options: PinsOptions, ...selectors: string[]): Promise<number> =>
  withPins(options, selectors, async ({ chosen, unavailable }) => {
    const differing = chosen.flatMap(({ snapshot: { provider }, items }) =>
      items.filter(({ state }) => state !== 'approved').map((item) => ({ provider, item })),
    );
    const drifted = differing.some(({ item }) => isPending(item));
    terminal.result(
      {
        drifted,
        items: differing.map(({ provider, item }) => ({ ...plain(provider, item), changes: changesIn(item) })),
        unavailable,
      },
      () => differing.map(({ provider, item }) => shown(terminal, provider, item)).join('\n\n') || 'Nothing differs.',
    );
    if (unavailable.length > 0) terminal.note(terminal.paint.yellow(`Not answering: ${unavailable.join(', ')}.`));
    if (drifted) return exitCodes.failed;
    return unavailable.length > 0 ? exitCodes.unreachable : exitCodes.ok;
  });

/** An item and, field by field, what is different. */
function shown(terminal: Terminal, provider: string, item: PinStatus): string {
  const { bold, dim } = terminal.paint;
  const held = item.held ? ', held back' : '';
  const head = `${bold(`${provider}:${revealed(item.name)}`)}  ${singular[item.kind]}, ${item.state}${held}`;
  if (item.state === 'removed') return `${head}\n  ${dim('The server does not offer it any more.')}`;
  return [
    head,
    ...changesIn(item).map((change) => `  ${dim(revealed(change.path))}\n${indented(terminal, change)}`),
  ].join('\n');
}

function indented(terminal: Terminal, { before, after }: Change): string {
  const { red, green } = terminal.paint;
  const text = wordRuns(before ?? '', after ?? '')
    .map(({ kind, text }) => {
      const safe = revealed(text);
      return kind === 'same' ? safe : kind === 'removed' ? red(`[-${safe}-]`) : green(`{+${safe}+}`);
    })
    .join('');
  return text
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n');
}
