import { describe, expect, it } from 'vitest';
import { inRange } from './address-range.js';

const loopback = ['127.0.0.1', '127.8.9.10', '::1', '::ffff:127.0.0.1', '::ffff:7f00:1', '64:ff9b::7f00:1'];
const closed = [
  '0.0.0.0',
  '10.1.2.3',
  '100.64.0.1',
  '169.254.169.254',
  '172.16.0.1',
  '192.0.0.8',
  '192.168.1.1',
  '198.18.0.1',
  '203.0.113.5',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
  '::',
  '::ffff:0.0.0.0',
  '::ffff:169.254.169.254',
  '::ffff:a9fe:a9fe',
  '::ffff:0:127.0.0.1',
  '::127.0.0.1',
  '::7f00:1',
  '::8.8.8.8',
  '64:ff9b::a9fe:a9fe',
  '64:ff9b::10.0.0.1',
  '64:ff9b:1::7f00:1',
  '64:ff9b:1::808:808',
  '2002:7f00:1::',
  '2002:a9fe:a9fe::1',
  '2002:808:808::1',
  '2001::7f00:1',
  '2001:0:4136:e378:8000:63bf:80ff:fffe',
  '2a00::5efe:7f00:1',
  '2a00:1:2:3:200:5efe:a00:1',
  '2001:db8::1',
  '3fff::1',
  '5f00::1',
  '100::1',
  '4000::1',
  'fc00::1',
  'fd12:3456::1',
  'fe80::1',
  'fe80::1%eth0',
  'fec0::1',
  'ff02::1',
];
const open = ['8.8.8.8', '1.1.1.1', '93.184.216.34', '2606:4700::1111', '::ffff:8.8.8.8', '64:ff9b::808:808'];

describe('the ranges of addresses', () => {
  it.each(loopback)('%s is this machine, in whatever form', (address) => {
    expect(inRange(address, 'loopback')).toBe(true);
    expect(inRange(address, 'public-or-loopback')).toBe(true);
    expect(inRange(address, 'public')).toBe(false);
  });

  it.each(closed)('%s is neither public nor this machine', (address) => {
    expect(inRange(address, 'public-or-loopback')).toBe(false);
    expect(inRange(address, 'loopback')).toBe(false);
    expect(inRange(address, 'any')).toBe(true);
  });

  it.each(open)('%s is public', (address) => {
    expect(inRange(address, 'public')).toBe(true);
    expect(inRange(address, 'loopback')).toBe(false);
  });

  it('what is no address lies in none', () => {
    for (const text of ['', 'localhost', '1.2.3.4.5', '8.8.8.8/32']) expect(inRange(text, 'public')).toBe(false);
  });
});
