import ipaddr from 'ipaddr.js';

type Range = [ipaddr.IPv4 | ipaddr.IPv6, number];

/** What is wrong with a list of addresses and networks, if anything. */
export function addressesProblem(list: readonly string[]): string | undefined {
  const wrong = list.find((text) => rangeOf(text) === undefined);
  return wrong === undefined ? undefined : `"${wrong}" is neither an address nor a network such as 10.0.0.0/8`;
}

/**
 * A test for addresses in any of these networks; an IPv4 address that comes in IPv6 form counts as what it is. An
 * entry that cannot be read admits nobody.
 * @returns undefined for an empty list, which admits everybody
 */
export function addressTest(list: readonly string[]): ((address: string | undefined) => boolean) | undefined {
  if (list.length === 0) return undefined;
  const ranges = list.map(rangeOf).filter((range) => range !== undefined);
  return (text) => {
    if (text === undefined || !ipaddr.isValid(text)) return false;
    const address = ipaddr.process(text);
    return ranges.some((range) => address.kind() === range[0].kind() && address.match(range));
  };
}

function rangeOf(text: string): Range | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text)) {
    const address = ipaddr.process(text);
    return [address, address.kind() === 'ipv4' ? 32 : 128];
  }
  // Only what begins with four decimal parts: the library reads `10/8` as 0.0.0.10/8.
  const [start = ''] = text.split('/');
  const readable = ipaddr.IPv4.isValidFourPartDecimal(start) || ipaddr.IPv6.isValid(start);
  return readable && ipaddr.isValidCIDR(text) ? ipaddr.parseCIDR(text) : undefined;
}
