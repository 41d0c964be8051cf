import ipaddr from 'ipaddr.js';

/** Which addresses a connection may go to. */
export type AddressRange = 'public' | 'public-or-loopback' | 'loopback' | 'any';

/**
 * True where `address` (the text of an IP address) lies in the range. Anything that is no address lies in none but
 * `any`. An IPv6 address that carries an IPv4 one leads where that one leads.
 */
export function inRange(address: string, range: AddressRange): boolean {
  if (range === 'any') return true;
  // The library takes ::1.2.3.4 for the mapped ::ffff:1.2.3.4.
  if (!ipaddr.isValid(address) || /^::\d+\./.test(address)) return false;
  const carried = innermost(ipaddr.parse(address));
  if (carried === undefined) return false;
  const loopback = carried.range() === 'loopback';
  if (range === 'loopback') return loopback;
  return isPublic(carried) || (loopback && range === 'public-or-loopback');
}

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** IANA gives out global unicast addresses from 2000::/3 only; whatever is special in there has a range of its own. */
const isPublic = (address: Address): boolean =>
  address.range() === 'unicast' && (address instanceof ipaddr.IPv4 || ((address.parts[0] ?? 0) & 0xe000) === 0x2000);

/**
 * The IPv4 address inside where it is carried in a form that is in use: mapped, or NAT64 with the well-known prefix.
 * Undefined for forms that only an attacker would write today: 6to4, Teredo, ISATAP, IPv4-compatible, translated, and
 * NAT64 with a local prefix.
 */
function innermost(address: Address): Address | undefined {
  if (address instanceof ipaddr.IPv4) return address;
  const { parts } = address;
  const range = address.range();
  if (range === 'ipv4Mapped') return lastFourBytes(parts);
  if (range === 'rfc6052') return parts[2] === 0 ? lastFourBytes(parts) : undefined;
  if (range === '6to4' || range === 'teredo' || range === 'rfc6145' || isIsatap(parts)) return undefined;
  return address;
}

/** RFC 5214: the interface part is 0000:5efe or 0200:5efe and an IPv4 address, behind any prefix. */
const isIsatap = (parts: readonly number[]): boolean => parts[5] === 0x5efe && (parts[4] === 0 || parts[4] === 0x0200);

function lastFourBytes(parts: readonly number[]): ipaddr.IPv4 {
  const [high = 0, low = 0] = parts.slice(6);
  return new ipaddr.IPv4([high >> 8, high & 0xff, low >> 8, low & 0xff]);
}
