import { randomUUID } from 'node:crypto';
import type { RedisLink } from './redis-link.js';
import { RedisScript } from './redis-script.js';
import type { HeldLock, Locks } from './shared-state.js';

/** The fence never goes back, even where the server lost its data: it is at least the server's time. */
const acquireScript = new RedisScript(`
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local fence = math.max(now, tonumber(redis.call('GET', KEYS[2]) or 0) + 1)
redis.call('SET', KEYS[2], string.format('%.0f', fence), 'PX', 86400000)
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return fence
`);

const extendScript = new RedisScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`);

const releaseScript = new RedisScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`);

/** Locks among replicas. While the server is away nobody gets one: SW_SHARED_UNAVAILABLE. */
export class RedisLocks implements Locks {
  readonly #link: RedisLink;

  constructor(link: RedisLink) {
    this.#link = link;
  }

  async acquire(name: string, ttlMs: number): Promise<HeldLock | undefined> {
    // The braces keep both keys of a lock on one node of a cluster.
    const key = `${this.#link.prefix}lock:{${name}}`;
    const id = randomUUID();
    const run = (script: RedisScript, keys: string[], args: (string | number)[]) =>
      this.#link.run((redis) => script.run(redis, keys, args));
    const fence = Number(await run(acquireScript, [key, `${key}:fence`], [id, ttlMs]));
    if (fence === 0) return undefined;
    return {
      fence,
      extend: async (ms) => (await run(extendScript, [key], [id, ms])) === 1,
      release: async () => {
        await run(releaseScript, [key], [id]);
      },
    };
  }
}
