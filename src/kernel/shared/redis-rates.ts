import { fail } from '#kernel/errors/index.js';
import { withDeadline } from '#kernel/time/index.js';
import type { MemoryRates } from './memory-rates.js';
import type { RedisLink } from './redis-link.js';
import { RedisScript } from './redis-script.js';
import type { RateRule, RateVerdict, Rates } from './shared-state.js';

/**
 * The bucket of MemoryRates as one step of the server, by the server's clock: a key holds the time at which the bucket
 * will be full again and expires then. One key per script, so that it works on a cluster too.
 */
const takeScript = new RedisScript(`
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local unit, bucket, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local full = math.max(now, tonumber(redis.call('GET', KEYS[1]) or 0))
local after = full + cost * unit
local missing = after - bucket - now
if missing > 0.01 then
  return { 0, math.max(0, math.floor((now + bucket - full + 0.01) / unit)), math.ceil(missing) }
end
redis.call('SET', KEYS[1], string.format('%.3f', after), 'PX', math.max(1, math.ceil(after - now)))
return { 1, math.max(0, math.floor((now + bucket - after + 0.01) / unit)), 0 }
`);

export interface RedisRatesOptions {
  /** How long a verdict may take, milliseconds; then this process decides alone. */
  readonly timeoutMs: number;
  /** Share of each limit that this process grants while it decides alone, 0 to 1. */
  readonly localFraction: number;
}

/** Token buckets that replicas share. While the server is away, buckets of this process with a share of each limit. */
export class RedisRates implements Rates {
  readonly #link: RedisLink;
  readonly #local: MemoryRates;
  readonly #options: RedisRatesOptions;

  constructor(link: RedisLink, local: MemoryRates, options: RedisRatesOptions) {
    this.#link = link;
    this.#local = local;
    this.#options = options;
  }

  take(key: string, rule: RateRule, cost = 1): RateVerdict | Promise<RateVerdict> {
    const { limit, windowMs, burst = limit } = rule;
    if (limit <= 0 || burst <= 0) return { allowed: false, remaining: 0, retryAfterMs: windowMs, limit };
    return this.#link.up ? this.#ask(key, rule, cost) : this.#alone(key, rule, cost);
  }

  async #ask(key: string, rule: RateRule, cost: number): Promise<RateVerdict> {
    const { limit, windowMs, burst = limit } = rule;
    const { timeoutMs } = this.#options;
    const unitMs = windowMs / limit;
    const args = [unitMs, unitMs * burst, Math.min(cost, burst)];
    try {
      const asked = this.#link.run((redis) => takeScript.run(redis, [`${this.#link.prefix}rate:${key}`], args));
      const [allowed, remaining, retryAfterMs] = (await withDeadline(asked, timeoutMs, () => {
        this.#link.failed(`no answer within ${timeoutMs} ms`);
        return fail('SW_SHARED_UNAVAILABLE');
      })) as [number, number, number];
      return { allowed: allowed === 1, remaining, retryAfterMs, limit };
    } catch {
      // Counted by the link, which shows it in health and metrics: the verdict is that of this process.
      return this.#alone(key, rule, cost);
    }
  }

  #alone(key: string, rule: RateRule, cost: number): RateVerdict {
    const { limit, windowMs, burst = limit } = rule;
    const { localFraction } = this.#options;
    const share = { limit: limit * localFraction, windowMs, burst: Math.max(1, burst * localFraction) };
    return { ...this.#local.take(key, share, cost), limit, local: true };
  }
}
