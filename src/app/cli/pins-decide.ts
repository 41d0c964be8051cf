import { fail } from '#kernel/errors/index.js';
import type { Principal } from '#kernel/context/index.js';
import { localUser } from '#gateway/auth/index.js';
import type { PinStatus } from '#gateway/pins/index.js';
import { exitCodes } from './failure.js';
import {
  isPending,
  plain,
  revealed,
  singular,
  withPins,
  type Chosen,
  type PinsOptions,
  type PinsWork,
} from './pins.js';
import type { Terminal } from './terminal.js';

/** What `approve` and `reject` differ in. */
export interface Decision {
  /** Of an item that was named by itself. */
  readonly isFor: (item: PinStatus) => boolean;
  readonly take: (work: PinsWork, chosen: Chosen, by: Principal) => Promise<void>;
  readonly done: string;
}

/**
 * Decides about the chosen items: those named by themselves, or all of a server that wait.
 * @throws SW_USAGE where nothing is chosen: everything at once needs `--all`
 */
export async function decide(
  terminal: Terminal,
  options: PinsOptions,
  selectors: readonly string[],
  { isFor, take, done }: Decision,
): Promise<number> {
  if (selectors.length === 0 && options.all === undefined)
    throw fail('SW_USAGE', { reason: 'Name a provider or provider:name, or decide about everything with --all.' });
  const named = new Set(selectors.filter((selector) => selector.includes(':')));
  return withPins(options, selectors, async (work) => {
    const decided: { provider: string; item: PinStatus }[] = [];
    for (const chosen of work.chosen) {
      const { provider } = chosen.snapshot;
      const items = chosen.items.filter((item) =>
        named.has(`${provider}:${item.name}`) ? isFor(item) : isPending(item),
      );
      if (items.length > 0) await take(work, { ...chosen, items }, localUser([]));
      decided.push(...items.map((item) => ({ provider, item })));
    }
    if (options.lock) await work.gateway.pinBook.lock(work.chosen.map(({ snapshot }) => snapshot.provider));
    const { unavailable } = work;
    terminal.result({ [done]: decided.map(({ provider, item }) => plain(provider, item)), unavailable }, () =>
      decided.length === 0
        ? 'Nothing waits for a decision.'
        : decided
            .map(({ provider, item }) => `${done} ${singular[item.kind]} ${provider}:${revealed(item.name)}`)
            .join('\n'),
    );
    if (unavailable.length > 0) terminal.note(terminal.paint.yellow(`Not answering: ${unavailable.join(', ')}.`));
    return unavailable.length > 0 ? exitCodes.unreachable : exitCodes.ok;
  });
}
