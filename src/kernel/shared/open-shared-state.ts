import { silentLogger, type Logger } from '#kernel/telemetry/index.js';
import { memorySharedState } from './memory-shared-state.js';
import type { SharedState } from './shared-state.js';

export interface SharedStateOptions {
  /** `memory:`, `redis://…` or `rediss://…`. */
  readonly url: string;
  /** Begins every key and channel in Redis. Default `seaworthy:`. */
  readonly prefix?: string;
  /** How long Redis may take for a verdict, milliseconds; then this process decides alone. Default 50. */
  readonly timeoutMs?: number;
  /** Share of each limit that this process grants while it decides alone, 0 to 1. Default 0.5. */
  readonly localFraction?: number;
  /** Most rate buckets, and most revocations, that this process keeps. Default 100,000. */
  readonly maxKeys?: number;
  readonly logger?: Logger;
  /** Told when Redis can be used, and when not. */
  readonly onState?: (up: boolean) => void;
}

/** Opens the shared state that an address names. The client of Redis is loaded here, for most servers never need it. */
export async function openSharedState(options: SharedStateOptions): Promise<SharedState> {
  const { url, prefix = 'seaworthy:', timeoutMs = 50, localFraction = 0.5, maxKeys = 100_000 } = options;
  const { logger = silentLogger, onState = () => {} } = options;
  if (url === 'memory:') {
    onState(true);
    return memorySharedState({ logger, maxKeys });
  }
  const { redisSharedState } = await import('./redis-shared-state.js');
  return redisSharedState({ url, prefix, timeoutMs, localFraction, maxKeys, logger, onState });
}
