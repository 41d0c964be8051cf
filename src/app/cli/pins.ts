import { readEnvironment } from '#kernel/config/index.js';
import { fail } from '#kernel/errors/index.js';
import type { ProviderSnapshot } from '#gateway/catalog/index.js';
import { changesOf, definitionOf, type Change, type PinStatus } from '#gateway/pins/index.js';
import { compose, type Gateway } from '../compose.js';
import { loadSettings } from '../settings.js';
import { commandLogger } from './logging.js';
import { settled } from './providers-table.js';
import { only } from './tool-source.js';

export interface PinsOptions {
  readonly config?: string;
  readonly logLevel?: string;
  readonly all?: true;
  readonly lock?: true;
}

/** The chosen items of one server. */
export interface Chosen {
  readonly snapshot: ProviderSnapshot;
  readonly items: readonly PinStatus[];
}

export interface PinsWork {
  readonly gateway: Gateway;
  readonly chosen: readonly Chosen[];
  /** Servers that did not answer, and of which nothing is known. */
  readonly unavailable: readonly string[];
}

/**
 * Starts the chosen servers, reads their lists and compares them with the pins.
 * @param selectors `provider` or `provider:name`; none: everything
 * @throws SW_PIN_UNKNOWN, SW_PIN_LOCK_INVALID and what composing throws
 */
export async function withPins<Result>(
  options: PinsOptions,
  selectors: readonly string[],
  work: (pins: PinsWork) => Promise<Result>,
): Promise<Result> {
  const environment = readEnvironment();
  const { config, baseDir } = loadSettings({ file: options.config, environment });
  const wanted = selectors.map(split);
  for (const { provider, selector } of wanted)
    if (!Object.hasOwn(config.mcpServers, provider))
      throw fail('SW_PIN_UNKNOWN', { selector, reason: `there is no server ${provider}` });
  const names = new Set(wanted.map(({ provider }) => provider));
  const [first] = names;
  const gateway = await compose(first !== undefined && names.size === 1 ? only(config, first) : config, {
    logger: commandLogger(config, options.logLevel ?? 'silent'),
    baseDir,
    environment,
  });
  try {
    await settled(gateway.catalog);
    const ids = gateway.catalog.providers.map(({ id }) => id);
    const concerned = ids.filter((id) => Object.hasOwn(config.mcpServers, id) && (names.size === 0 || names.has(id)));
    const snapshots = concerned.flatMap((id) => gateway.catalog.snapshotOf(id) ?? []);
    const chosen = snapshots.map((snapshot) => {
      const items = gateway.pinBook.pins.statusOf(snapshot);
      const own = wanted.filter(({ provider }) => provider === snapshot.provider);
      return { snapshot, items: own.length === 0 ? items : own.flatMap((each) => pick(each, items)) };
    });
    const known = new Set(snapshots.map(({ provider }) => provider));
    return await work({ gateway, chosen, unavailable: concerned.filter((id) => !known.has(id)) });
  } finally {
    await gateway.stop();
  }
}

/** True for what waits for a decision. */
export const isPending = ({ state }: PinStatus): boolean => state === 'drifted' || state === 'new';

/** What one item of a list is called. */
export const singular: Readonly<Record<PinStatus['kind'], string>> = {
  tools: 'tool',
  prompts: 'prompt',
  resources: 'resource',
  resourceTemplates: 'resource template',
};

/** Where the form that is offered differs from the approved one. */
export const changesIn = ({ kind, pin, current }: PinStatus): Change[] =>
  changesOf(pin?.approved?.definition ?? {}, current ? definitionOf(kind, current.item) : {});

/** An item as data. */
export const plain = (provider: string, status: PinStatus) => ({
  provider,
  kind: singular[status.kind],
  name: status.name,
  state: status.state,
  quarantined: status.held,
  ...(status.current && { hash: status.current.hash }),
  ...(status.pin?.approved && { approved: status.pin.approved.hash }),
});

/** Text of a server in which nothing is hidden: characters that do not show are written as their code points. */
export const revealed = (text: string): string =>
  text.replace(/(?![\n\t])[\p{C}\p{Default_Ignorable_Code_Point}\u2028\u2029]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u{${code.toString(16).toUpperCase().padStart(4, '0')}}`;
  });

interface Selector {
  readonly selector: string;
  readonly provider: string;
  /** Undefined: every item. */
  readonly name: string | undefined;
}

/** Names and URIs may hold colons; providers do not. */
function split(selector: string): Selector {
  const colon = selector.indexOf(':');
  if (colon < 0) return { selector, provider: selector, name: undefined };
  return { selector, provider: selector.slice(0, colon), name: selector.slice(colon + 1) };
}

function pick({ selector, name }: Selector, items: readonly PinStatus[]): readonly PinStatus[] {
  if (name === undefined) return items;
  const found = items.filter((item) => item.name === name);
  if (found.length === 0) throw fail('SW_PIN_UNKNOWN', { selector, reason: 'the server neither offers nor had it' });
  return found;
}
