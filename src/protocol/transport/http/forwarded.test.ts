import { describe, expect, it } from 'vitest';
import { addressSet, isAddressEntry } from '#kernel/http/index.js';
import { forwardedBy, type ForwardedHeader } from './forwarded.js';

const trusted = addressSet(['10.0.0.0/8', 'loopback', '2001:db8:ffff::/48']);
const addressOf = (peer: string, text: string, kind: ForwardedHeader = 'x-forwarded') =>
  forwardedBy(peer, { [kind === 'forwarded' ? 'forwarded' : 'x-forwarded-for']: text }, trusted, kind).address;

describe('the address of a client', () => {
  const xForwarded: readonly (readonly [name: string, peer: string, text: string, client: string])[] = [
    ['is the peer where that is no proxy', '192.0.2.9', '198.51.100.7', '192.0.2.9'],
    ['is the peer where the proxy says nothing', '10.0.0.1', '', '10.0.0.1'],
    ['is what the proxy saw', '10.0.0.1', '198.51.100.7', '198.51.100.7'],
    ['is not what the client invented', '10.0.0.1', '203.0.113.1, 198.51.100.7', '198.51.100.7'],
    ['is found behind two proxies', '10.0.0.1', '203.0.113.1, 198.51.100.7, 10.9.9.9', '198.51.100.7'],
    ['is never one left of an untrusted hop', '10.0.0.1', '10.1.1.1, 198.51.100.7', '198.51.100.7'],
    ['is the nearest hop where the next is no address', '10.0.0.1', '198.51.100.7, unknown, 10.1.1.1', '10.1.1.1'],
    ['is read from a mapped peer', '::ffff:10.0.0.1', '198.51.100.7', '198.51.100.7'],
    ['is plain where it is mapped', '::1', '::ffff:198.51.100.7', '198.51.100.7'],
    ['has no port', '127.0.0.1', '198.51.100.7:4711', '198.51.100.7'],
    ['may be IPv6', '2001:db8:ffff::1', '[2001:db8::7]:4711', '2001:db8::7'],
    ['is not a number that an old library takes for one', '10.0.0.1', '0x7f000001', '10.0.0.1'],
  ];
  it.each(xForwarded)('%s', (_name, peer, text, client) => {
    expect(addressOf(peer, text)).toBe(client);
  });

  const rfc7239: readonly (readonly [text: string, client: string])[] = [
    ['for=198.51.100.7;proto=https;by=203.0.113.43', '198.51.100.7'],
    ['for=203.0.113.1, For="198.51.100.7:80"', '198.51.100.7'],
    ['for="[2001:db8:cafe::17]:4711"', '2001:db8:cafe::17'],
    ['for=198.51.100.7, for=10.1.1.1', '198.51.100.7'],
    ['for=_hidden, for=10.1.1.1', '10.1.1.1'],
    ['for="203.0.113.1, for=192.0.2.1"', '10.0.0.1'],
  ];
  it.each(rfc7239)('is read from Forwarded: %s', (text, client) => {
    expect(addressOf('10.0.0.1', text, 'forwarded')).toBe(client);
  });

  it('is not read from the kind of header that the proxies do not write', () => {
    const headers = { forwarded: 'for=203.0.113.1;proto=https', 'x-forwarded-for': '198.51.100.7' };
    expect(forwardedBy('10.0.0.1', headers, trusted, 'x-forwarded')).toEqual({
      address: '198.51.100.7',
      protocol: undefined,
      host: undefined,
    });
    expect(forwardedBy('10.0.0.1', headers, trusted, 'forwarded')).toEqual({
      address: '203.0.113.1',
      protocol: 'https',
      host: undefined,
    });
  });

  it('follows at most so many proxies', () => {
    const chain = ['198.51.100.7', ...Array.from({ length: 40 }, (_, i) => `10.0.1.${i}`)].join(', ');
    expect(addressOf('10.0.0.1', chain)).toBe('10.0.1.8');
  });
});

it('entries of a list are addresses, ranges, or loopback, and nothing else', () => {
  const good = ['loopback', '192.0.2.1', '10.0.0.0/8', '2001:db8::/32', '::1'];
  const bad = ['', '*', 'localhost', 'example.com', '10.0.0.0/33', '10.0.0/8', '127.1', '10.0.0.0/', '::1/129', '1/8'];
  expect(good.filter((entry) => !isAddressEntry(entry))).toEqual([]);
  expect(bad.filter((entry) => isAddressEntry(entry))).toEqual([]);
});
