import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { buildConnector } from 'undici';
import { fail } from '../errors/index.js';
import { inRange, type AddressRange } from './address-range.js';

/** Finds all addresses of a host name. Default: the system's resolver. */
export type Resolve = (
  hostname: string,
  callback: (error: NodeJS.ErrnoException | null, addresses: readonly LookupAddress[]) => void,
) => void;

export interface ConnectorOptions {
  readonly range: AddressRange;
  /** Milliseconds to be connected, TLS included. */
  readonly timeoutMs: number;
  /** Certificates to trust instead of the system's, PEM. */
  readonly ca?: string | undefined;
  /** Offers HTTP/2 by ALPN. Default false. */
  readonly allowH2?: boolean | undefined;
  readonly resolve?: Resolve | undefined;
}

/** How undici opens a connection. */
export type Connector = buildConnector.connector;

/**
 * Opens connections to addresses within `range` only. A name is resolved once per connection, every address that it
 * has is checked, and the connection goes to one of exactly those: there is no second look-up that could say otherwise.
 * Connecting fails with SW_ADDRESS_REFUSED where any address lies outside.
 */
export function guardedConnector(options: ConnectorOptions): Connector {
  const { range, timeoutMs, ca, allowH2 = false, resolve } = options;
  const connect = buildConnector({
    timeout: timeoutMs,
    allowH2,
    ...(ca === undefined ? {} : { ca }),
    ...(range === 'any' && !resolve ? {} : { lookup: checkedLookup(range, resolve ?? systemResolve) }),
  });
  if (range === 'any') return connect;
  return (target, callback) => {
    // An address that is written out is never looked up.
    if (isIP(target.hostname) && !inRange(target.hostname, range)) callback(refused(target.hostname), null);
    else connect(target, callback);
  };
}

const systemResolve: Resolve = (hostname, callback) => systemLookup(hostname, { all: true }, callback);

/** The look-up that the connection itself makes; `node:net` asks for one address or for all of them. */
const checkedLookup =
  (range: AddressRange, resolve: Resolve): LookupFunction =>
  (hostname, options, callback) =>
    resolve(hostname, (error, found) => {
      const addresses = found ?? [];
      const [first] = addresses;
      if (error) callback(error, []);
      else if (!first || addresses.some(({ address }) => !inRange(address, range))) callback(refused(hostname), []);
      else if (options.all) callback(null, [...addresses]);
      else callback(null, first.address, first.family);
    });

/** The addresses stay out of the message: a refusal must not tell a stranger what a name means in here. */
const refused = (host: string) => fail('SW_ADDRESS_REFUSED', { host });
