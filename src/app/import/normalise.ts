import { dirname, sep } from 'node:path';
import { Concealer } from './conceal.js';
import { convertReferences, type ReferenceContext } from './references.js';

/** A server as it is written into the configuration, secrets replaced by references. */
export type ServerDefinition =
  | {
      readonly command: string;
      readonly args: readonly string[];
      readonly env: Readonly<Record<string, string>>;
      readonly cwd?: string;
    }
  | { readonly url: string; readonly headers: Readonly<Record<string, string>>; readonly type?: 'sse' };

export type Normalised =
  | { readonly kind: 'server'; readonly definition: ServerDefinition; readonly notes: readonly string[] }
  | { readonly kind: 'skipped'; readonly reason: string };

/** Members of a client's entry that change how a server is reached and that we do not take over. */
const ignoredMembers = ['envFile', 'auth', 'oauth', 'authProviderType', 'headersHelper'];

/**
 * Reads one entry in any of the clients' shapes: `command` as text or object, `url`, `serverUrl` or `httpUrl`,
 * `type` or `transport` in their spellings, `disabled` or `enabled`.
 */
export function normalise(entry: unknown, context: ReferenceContext): Normalised {
  if (!isRecord(entry)) return skipped('it is not an object');
  if (entry['disabled'] === true || entry['enabled'] === false) return skipped('it is disabled there');
  const { command, args, env } = isRecord(entry['command']) ? legacyZed(entry['command']) : entry;
  const url = [entry['httpUrl'], entry['url'], entry['serverUrl']].find((value) => typeof value === 'string');
  const type = kindOf(entry['type'] ?? entry['transport'], typeof command === 'string');
  if (type === undefined)
    return skipped(`its transport ${JSON.stringify(entry['type'] ?? entry['transport'])} is not known`);
  const notes = ignoredMembers.filter((name) => name in entry).map((name) => `${name} is not taken over`);
  const read = new EntryReader(context);
  const definition =
    type === 'stdio' ? read.program(command, args, env, entry['cwd']) : read.address(url, entry['headers'], type);
  if (!definition) return skipped(type === 'stdio' ? 'it names no command' : 'it names no url');
  return isOurselves(definition) ? skipped('it is Seaworthy itself') : { kind: 'server', definition, notes };
}

class EntryReader {
  readonly #context: ReferenceContext;
  readonly #concealer: Concealer;

  constructor(context: ReferenceContext) {
    this.#context = context;
    this.#concealer = new Concealer(context.server, context.variables);
  }

  program(command: unknown, args: unknown, env: unknown, cwd: unknown): ServerDefinition | undefined {
    if (typeof command !== 'string' || command.trim() === '') return undefined;
    const texts = (Array.isArray(args) ? args : []).map((arg) => this.#convert(String(arg)));
    return {
      command: this.#convert(command),
      args: this.#concealer.args(texts),
      env: this.#values(env, (name, value) => this.#concealer.env(name, value)),
      ...(typeof cwd === 'string' && cwd !== '' && { cwd: this.#convert(cwd) }),
    };
  }

  address(url: unknown, headers: unknown, type: 'http' | 'sse'): ServerDefinition | undefined {
    if (typeof url !== 'string' || url.trim() === '') return undefined;
    return {
      url: this.#concealer.url(this.#convert(url)),
      headers: this.#values(headers, (name, value) => this.#concealer.header(name, value)),
      ...(type === 'sse' && { type }),
    };
  }

  #values(values: unknown, conceal: (name: string, value: string) => string): Record<string, string> {
    const scalars = Object.entries(isRecord(values) ? values : {}).filter(([, value]) => isScalar(value));
    return Object.fromEntries(scalars.map(([name, value]) => [name, conceal(name, this.#convert(String(value)))]));
  }

  #convert = (text: string): string => convertReferences(text, this.#context);
}

/** The folder that a client has open when it reads `file`: a project's file may lie in a folder of its own. */
export const workspaceOf = (file: string): string =>
  dirname(file).replace(new RegExp(`\\${sep}\\.(vscode|cursor)$`), '');

const skipped = (reason: string): Normalised => ({ kind: 'skipped', reason });

function kindOf(type: unknown, hasCommand: boolean): 'stdio' | 'http' | 'sse' | undefined {
  if (type === undefined || type === null) return hasCommand ? 'stdio' : 'http';
  const word = typeof type === 'string' ? type.toLowerCase().replace(/[^a-z]/g, '') : '';
  if (word === 'stdio' || word === 'local') return 'stdio';
  if (word === 'http' || word === 'streamablehttp' || word === 'remote') return 'http';
  return word === 'sse' ? 'sse' : undefined;
}

/** Zed's older shape: `command: { path, args, env }`. */
const legacyZed = ({ path, args, env }: Record<string, unknown>) => ({ command: path, args, env });

/** A client that already uses us must not make us our own upstream. */
function isOurselves(definition: ServerDefinition): boolean {
  if ('url' in definition)
    return /^https?:\/\/(?:127\.0\.0\.1|localhost|\[::1\]):53000\/mcp(?:\/|$)/.test(definition.url);
  return [definition.command, ...definition.args].some((word) => /(?:^|[\\/])seaworthy(?:@[\w.-]+)?$/.test(word));
}

const isScalar = (value: unknown): boolean => ['string', 'number', 'boolean'].includes(typeof value);

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
