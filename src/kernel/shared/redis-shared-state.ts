import { systemClock } from '#kernel/time/index.js';
import { MemoryRates } from './memory-rates.js';
import { RedisBus } from './redis-bus.js';
import { RedisLink, type RedisLinkOptions } from './redis-link.js';
import { RedisLocks } from './redis-locks.js';
import { RedisRates, type RedisRatesOptions } from './redis-rates.js';
import { RedisRevocations } from './redis-revocations.js';
import type { SharedState } from './shared-state.js';

/** Makes the shared state of replicas over one Redis or Valkey. Starts without it where it does not answer. */
export async function redisSharedState(
  options: RedisLinkOptions & RedisRatesOptions & { readonly maxKeys: number },
): Promise<SharedState> {
  const { logger, maxKeys } = options;
  const link = new RedisLink(options);
  const bus = new RedisBus(link, logger);
  const revocations = new RedisRevocations(link, bus, systemClock, maxKeys, logger);
  await link.start();
  return {
    rates: new RedisRates(link, new MemoryRates(systemClock, maxKeys), options),
    revocations,
    locks: new RedisLocks(link),
    bus,
    health: () => link.health(),
    close: async () => {
      revocations.close();
      bus.close();
      link.close();
    },
  };
}
