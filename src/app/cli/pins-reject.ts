import { decide } from './pins-decide.js';
import type { PinsOptions } from './pins.js';
import type { Terminal } from './terminal.js';

export const action = (terminal: Terminal, options: PinsOptions, ...selectors: string[]): Promise<number> =>
  decide(terminal, options, selectors, {
    isFor: ({ state }) => state !== 'removed',
    take: ({ gateway }, { snapshot, items }, by) => gateway.pinBook.reject(snapshot, items, by),
    done: 'rejected',
  });
