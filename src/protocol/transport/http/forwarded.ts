import type { IncomingHttpHeaders } from 'node:http';
import { plainAddress, type AddressSet } from '#kernel/http/index.js';

/** The one kind of header that the proxies in front write; what else a client sends of them is not read. */
export type ForwardedHeader = 'x-forwarded' | 'forwarded';

/** What proxies say of a request. */
export interface Forwarded {
  /** Address of the client: the nearest hop that is no trusted proxy. */
  readonly address: string | undefined;
  readonly protocol: string | undefined;
  readonly host: string | undefined;
}

/** Hops that are followed; a chain of trusted proxies is never that long. */
const maxHops = 32;

/**
 * Reads what trusted proxies wrote: `X-Forwarded-For`, `-Proto` and `-Host`, or `Forwarded` (RFC 7239). Addresses are
 * read from right to left, because each proxy appends the one that it saw: the first that is not trusted is the client,
 * and whatever stands left of it is its own invention. Ends at a hop that is no address (`unknown`, `_hidden`).
 *
 * @param peer the other end of the socket; nothing is read unless it is trusted
 */
export function forwardedBy(
  peer: string | undefined,
  headers: IncomingHttpHeaders,
  trusted: AddressSet,
  kind: ForwardedHeader,
): Forwarded {
  const plain = peer === undefined ? undefined : (plainAddress(peer) ?? peer);
  if (!trusted.has(plain)) return { address: plain, protocol: undefined, host: undefined };
  const hops = kind === 'forwarded' ? forwardedHops(textOf(headers, 'forwarded')) : xForwardedHops(headers);
  let address = plain;
  for (const hop of hops.addresses.slice(-maxHops).reverse()) {
    const next = plainAddress(withoutPort(hop));
    if (next === undefined) break;
    address = next;
    if (!trusted.has(next)) break;
  }
  return { address, protocol: hops.protocol?.toLowerCase(), host: hops.host };
}

interface Hops {
  readonly addresses: readonly string[];
  readonly protocol: string | undefined;
  readonly host: string | undefined;
}

const textOf = (headers: IncomingHttpHeaders, name: string): string => {
  const value = headers[name];
  return typeof value === 'string' ? value : (value?.join(', ') ?? '');
};

const listOf = (text: string): string[] => (text === '' ? [] : text.split(',').map((part) => part.trim()));

const xForwardedHops = (headers: IncomingHttpHeaders): Hops => ({
  addresses: listOf(textOf(headers, 'x-forwarded-for')),
  protocol: listOf(textOf(headers, 'x-forwarded-proto')).at(-1),
  host: listOf(textOf(headers, 'x-forwarded-host')).at(-1),
});

/** Elements of `Forwarded`. Commas and semicolons inside quotes end nothing. */
function forwardedHops(text: string): Hops {
  const elements = [...text.matchAll(/(?:[^,"]|"(?:[^"\\]|\\.)*")+/g)].map(([element]) => pairsOf(element));
  const last = elements.at(-1);
  return {
    addresses: elements.map((pairs) => pairs.get('for') ?? ''),
    protocol: last?.get('proto'),
    host: last?.get('host'),
  };
}

function pairsOf(element: string): Map<string, string> {
  const pairs = element.matchAll(/([\w!#$%&'*+.^`|~-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s";,]*))/g);
  return new Map(
    [...pairs].map(([, name = '', quoted, plain]) => [
      name.toLowerCase(),
      quoted === undefined ? (plain ?? '') : quoted.replace(/\\(.)/g, '$1'),
    ]),
  );
}

/** `192.0.2.1:80`, `[2001:db8::1]:80` and `[2001:db8::1]` without brackets and port. */
function withoutPort(hop: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(hop);
  if (bracketed) return bracketed[1] ?? '';
  return /^([\d.]+):\d{1,5}$/.exec(hop)?.[1] ?? hop;
}
