import ipaddr from 'ipaddr.js';

/** Addresses that the operator listed. */
export interface AddressSet {
  /** False for a set that lists nothing. */
  readonly any: boolean;
  /** True where the text of an IP address lies in one of the ranges; an IPv4 address inside IPv6 counts as itself. */
  has(address: string | undefined): boolean;
}

type Range = readonly [ipaddr.IPv4 | ipaddr.IPv6, number];

/** Addresses whose verdict is remembered: parsing one costs more than all the rest. */
const maxVerdicts = 1024;

/** True for `loopback`, an IP address, or a range such as `10.0.0.0/8`. */
export const isAddressEntry = (entry: string): boolean => rangesOf(entry) !== undefined;

/** Makes the set of entries that `isAddressEntry` accepts; others are left out. */
export function addressSet(entries: readonly string[]): AddressSet {
  const ranges = entries.flatMap((entry) => rangesOf(entry) ?? []);
  const verdicts = new Map<string, boolean>();
  return {
    any: ranges.length > 0,
    has(address) {
      if (address === undefined || ranges.length === 0) return false;
      const known = verdicts.get(address);
      if (known !== undefined) return known;
      const verdict = ipaddr.isValid(address) && liesIn(ipaddr.process(address), ranges);
      if (verdicts.size >= maxVerdicts) verdicts.clear();
      verdicts.set(address, verdict);
      return verdict;
    },
  };
}

/** The usual text of an IP address, without the IPv6 prefix of an IPv4 one; undefined where it is none. */
export function plainAddress(text: string): string | undefined {
  // The library also takes 127.1 and 0x7f000001; nothing that writes an address today does.
  const isPlain = ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text);
  return isPlain ? ipaddr.process(text).toString() : undefined;
}

const liesIn = (address: ipaddr.IPv4 | ipaddr.IPv6, ranges: readonly Range[]): boolean =>
  ranges.some(([range, bits]) => address.kind() === range.kind() && address.match(range, bits));

function rangesOf(entry: string): readonly Range[] | undefined {
  if (entry === 'loopback') return [...(rangesOf('127.0.0.0/8') ?? []), ...(rangesOf('::1') ?? [])];
  const [address = '', prefix] = entry.split('/', 2);
  if (plainAddress(address) === undefined || (prefix !== undefined && !ipaddr.isValidCIDR(entry))) return undefined;
  if (prefix !== undefined) return [ipaddr.parseCIDR(entry)];
  const parsed = ipaddr.process(address);
  return [[parsed, parsed.kind() === 'ipv4' ? 32 : 128]];
}
