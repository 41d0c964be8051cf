import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SeaworthyError } from '#kernel/errors/index.js';
import { MemoryRates, memorySharedState, type Rates } from '#kernel/shared/index.js';
import { fakeClock } from '#kernel/time/index.js';
import { addressKey } from './address-key.js';
import { RateLimits, type RateRules } from './index.js';

const distant = { limit: 1000, windowMs: 60_000 };
const plain: RateRules = {
  ...{ address: distant, health: distant, login: distant, api: distant, listen: distant },
  tools: [],
};

function limits(rules: Partial<RateRules>, shared: Rates = memorySharedState({ clock: fakeClock() }).rates) {
  const refused: string[] = [];
  const local = new MemoryRates(fakeClock(), 1000);
  const onLimited = (tier: string) => refused.push(tier);
  return { refused, rates: new RateLimits({ shared, local, rules: { ...plain, ...rules }, onLimited }) };
}

/** What a refusal says, or undefined where there was none. */
async function refusalOf(take: () => void | Promise<void>): Promise<SeaworthyError | undefined> {
  try {
    await take();
    return undefined;
  } catch (error) {
    return error as SeaworthyError;
  }
}

describe('client addresses', () => {
  it.each([
    ['203.0.113.9', '203.0.113.9'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::1', '2001:db8:1:2::/64'],
    ['2001:0db8:0001:0002:0000::', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['64:ff9b::192.0.2.33', '64:ff9b:0:0::/64'],
    [undefined, 'unknown'],
  ])('%s counts as %s', (address, key) => {
    expect(addressKey(address)).toBe(key);
  });

  it('of one /64 share a bucket, however they are written; of two they do not', () => {
    const group = fc.integer({ min: 1, max: 0xffff }).map((value) => value.toString(16));
    fc.assert(
      fc.property(fc.array(group, { minLength: 12, maxLength: 12 }), (groups) => {
        const network = groups.slice(0, 4);
        const first = addressKey([...network, ...groups.slice(4, 8)].join(':'));
        expect(addressKey([...network, ...groups.slice(8, 12)].join(':').toUpperCase())).toBe(first);
        expect(addressKey(`${network.join(':')}::${groups[8]}`)).toBe(first);
        expect(addressKey(['1fff', ...network.slice(1), ...groups.slice(4, 8)].join(':')) === first).toBe(
          network[0] === '1fff',
        );
      }),
    );
  });
});

describe('rates', () => {
  const two = { limit: 2, windowMs: 60_000 };

  it('keep tiers apart: health goes on where calls are refused', async () => {
    const { rates, refused } = limits({
      api: { limit: 60, windowMs: 60_000 },
      health: { limit: 1000, windowMs: 60_000 },
    });
    const passed = { api: 0, health: 0 };
    for (let i = 0; i < 1200; i += 1) {
      if (!(await refusalOf(() => rates.api('key:1')))) passed.api += 1;
      if (!(await refusalOf(() => rates.health('192.0.2.1')))) passed.health += 1;
    }
    expect(passed).toEqual({ api: 60, health: 1000 });
    expect(refused.length).toBe(1200 - 60 + (1200 - 1000));
  });

  it('say which limit it was, how large, and when to come back', async () => {
    const { rates, refused } = limits({ listen: { limit: 1, windowMs: 30_000 } });
    await rates.listen('key:1');
    const error = await refusalOf(() => rates.listen('key:1'));
    expect(error?.code).toBe('SW_RATE_LIMITED');
    expect(error?.details).toEqual({ tier: 'listen', limit: 1, windowSeconds: 30, retryAfterSeconds: 30 });
    expect(refused).toEqual(['listen']);
    expect(await refusalOf(() => rates.listen('key:2'))).toBeUndefined();
  });

  it('count addresses by network, each apart from the others', async () => {
    const { rates } = limits({ address: two });
    for (const address of ['2001:db8::1', '2001:db8::2', '192.0.2.1']) rates.enter(address);
    expect((await refusalOf(() => rates.enter('2001:db8::3')))?.details['tier']).toBe('address');
    expect(await refusalOf(() => rates.enter('192.0.2.1'))).toBeUndefined();
  });

  it('of tools hold for the tools of the rule together, per principal and besides other rules', async () => {
    const { rates } = limits({
      tools: [
        { tools: ['files:write_*', 'files:delete'], ...two },
        { tools: ['*:delete'], limit: 1, windowMs: 60_000 },
      ],
    });
    const refused = async (principal: string, provider: string, name: string) =>
      (await refusalOf(() => rates.tool(principal, provider, name)))?.details['limit'];
    expect(await refused('key:1', 'files', 'write_text')).toBeUndefined();
    expect(await refused('key:1', 'files', 'delete')).toBeUndefined();
    expect(await refused('key:1', 'files', 'write_all')).toBe(2);
    expect(await refused('key:1', 'mail', 'delete')).toBe(1);
    expect(await refused('key:1', 'files', 'read')).toBeUndefined();
    expect(await refused('key:2', 'files', 'delete')).toBeUndefined();
  });

  it('refuse a pattern without a provider', () => {
    expect(() => limits({ tools: [{ tools: ['write'], ...two }] })).toThrow(/must have the form provider:name/);
  });

  it('go on alone while replicas cannot agree, but for logins, which are refused', async () => {
    const alone = { allowed: true, remaining: 1, retryAfterMs: 0, limit: 2, local: true };
    const { rates } = limits({}, { take: () => Promise.resolve(alone) });
    expect(await refusalOf(() => rates.api('key:1'))).toBeUndefined();
    expect((await refusalOf(() => rates.login('192.0.2.1')))?.code).toBe('SW_SHARED_UNAVAILABLE');
  });
});
