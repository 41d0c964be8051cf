import type { ByteBudget } from '#kernel/context/index.js';
import type { Logger, Metrics } from '#kernel/telemetry/index.js';
import { systemClock, type Clock } from '#kernel/time/index.js';
import type { BreakerSettings } from './circuit-breaker.js';
import { faultsOf, HttpPools, type Faults } from '#protocol/client/index.js';
import type { Implementation } from '#protocol/model/index.js';
import type { ChildSlots } from './child-slots.js';

/** Who shares one child: everybody, the sessions of one principal, or nobody beyond a session. */
export type Sharing = 'shared' | 'per-principal' | 'per-session';

/** When a call gets a session of its own: once the server has asked while that was unclear, at every call, never. */
export type InteractiveMode = 'auto' | 'always' | 'never';

interface UpstreamTuning {
  /** Offers the server to both families, by translation where it speaks one. Default true. */
  readonly bridge?: boolean | undefined;
  /** When calls are kept away from a server that does not answer. */
  readonly breaker?: Partial<BreakerSettings> | undefined;
  /** Milliseconds to connect and to finish the handshake. Default 10,000. */
  readonly connectTimeoutMs?: number | undefined;
  /** Milliseconds for reading all lists, every page. Default 30,000. */
  readonly listTimeoutMs?: number | undefined;
  /** Milliseconds after which an unused session or child process ends. Default 600,000. */
  readonly idleMs?: number | undefined;
  /** Whether calls get a session of their own where a question of the server names no call. Default `auto`. */
  readonly interactive?: InteractiveMode | undefined;
  /** Sessions for such calls at once. Default 4. */
  readonly interactivePool?: number | undefined;
  /** Largest result, bytes. Default 16 MiB. */
  readonly maxResultBytes?: number | undefined;
  /** Longest line of a stdio server, bytes. Default: `maxResultBytes` and 64 KiB. */
  readonly maxLineBytes?: number | undefined;
}

/** A server that we start as a child process. */
export interface StdioUpstreamConfig extends UpstreamTuning {
  readonly command: string;
  readonly args?: readonly string[] | undefined;
  /** Set on top of the few variables that every child gets. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly cwd?: string | undefined;
  /** Values that must not come out of its stderr. */
  readonly secrets?: readonly string[] | undefined;
  /** Default `shared`. */
  readonly sharing?: Sharing | undefined;
  /** `demand`: nothing runs while nobody calls and the lists of an earlier run are known. Default `boot`. */
  readonly start?: 'boot' | 'demand' | undefined;
  /** Processes at once, those for interactive calls included. Default 8. */
  readonly maxProcesses?: number | undefined;
  /** Resident bytes of one child with all that it has started; 0: no limit. Default 1 GiB. */
  readonly maxMemoryBytes?: number | undefined;
}

/** A server behind a URL. */
export interface HttpUpstreamConfig extends UpstreamTuning {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** `sse`: the transport of revision 2024-11-05 and nothing else. Default `http`, which falls back to it. */
  readonly type?: 'http' | 'sse' | undefined;
  /** `auto` (default): HTTP/2 where a server behind TLS offers it. */
  readonly http2?: 'auto' | 'never' | undefined;
  /** Addresses that it may have. Default `any`: the operator wrote the URL. */
  readonly network?: 'any' | 'public' | undefined;
  /** Certificates to trust instead of the system's, PEM. */
  readonly ca?: string | undefined;
  /** Connections for calls at once. Default 128. */
  readonly maxConnections?: number | undefined;
  /** Milliseconds after which a connection is made anew. Default 600,000. */
  readonly keepAliveMaxMs?: number | undefined;
  /** Milliseconds until an answer begins; 0 (default): as long as the call may take. */
  readonly headersTimeoutMs?: number | undefined;
  /** Milliseconds without a byte of an answer that has begun. Default 300,000. */
  readonly idleTimeoutMs?: number | undefined;
}

/** One entry of `mcpServers`, secrets resolved. */
export type UpstreamConfig = StdioUpstreamConfig | HttpUpstreamConfig;

export interface UpstreamLimits {
  /** Upstream sessions kept at once, per upstream. Default 1,000. */
  readonly maxSessions?: number | undefined;
  /** Items of one list. Default 10,000. */
  readonly maxListItems?: number | undefined;
  /** Pages of one list. Default 1,000. */
  readonly maxListPages?: number | undefined;
  /** Bytes of all pages of all lists together. Default 16 MiB. */
  readonly maxListBytes?: number | undefined;
}

/** When lists are read again. */
export interface ListPace {
  /** How long the lists of a legacy server count as fresh, milliseconds: its family has no `ttlMs`. Default 60,000. */
  readonly legacyTtlMs?: number | undefined;
  /** Shortest time between readings that nothing but the age of the lists asks for, milliseconds. Default 30,000. */
  readonly refreshMs?: number | undefined;
  /** Shortest time between readings that announcements of the server ask for, milliseconds. Default 500. */
  readonly changeIntervalMs?: number | undefined;
}

type UpstreamMetric =
  | 'upstreamUp'
  | 'upstreamRestarts'
  | 'listReadings'
  | 'upstreamCircuit'
  | 'upstreamFailures'
  | 'upstreamRetries'
  | 'upstreamRejected'
  | 'upstreamHealed'
  | 'children';

export interface UpstreamDeps {
  readonly logger: Logger;
  readonly metrics?: Pick<Metrics, UpstreamMetric> | undefined;
  readonly clock?: Clock | undefined;
  readonly limits?: UpstreamLimits | undefined;
  readonly lists?: ListPace | undefined;
  /** The environment from which a child gets PATH, HOME and the like. Default: none. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
  /** Bytes of results that may be held at once, shared by all upstreams. Default: not counted. */
  readonly budget?: ByteBudget | undefined;
  /** Counts the children of all upstreams. Default: not counted together. */
  readonly processes?: ChildSlots | undefined;
  /** What we call ourselves toward servers. */
  readonly self?: Implementation | undefined;
  /** Connections that upstreams share. Default: each its own. */
  readonly pools?: HttpPools | undefined;
}

/** Configuration and dependencies with every default filled in. */
export interface UpstreamContext {
  readonly id: string;
  readonly faults: Faults;
  readonly logger: Logger;
  readonly metrics: UpstreamDeps['metrics'];
  readonly clock: Clock;
  readonly self: Implementation;
  readonly budget: ByteBudget | undefined;
  readonly pools: HttpPools;
  readonly breaker: BreakerSettings;
  readonly processes: ChildSlots | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly bridge: boolean;
  readonly connectTimeoutMs: number;
  readonly listTimeoutMs: number;
  readonly idleMs: number;
  readonly interactive: InteractiveMode;
  readonly interactivePool: number;
  readonly sharing: Sharing;
  /** False: started by calls only. */
  readonly startsAtBoot: boolean;
  readonly maxProcesses: number;
  readonly maxMemoryBytes: number;
  readonly maxResultBytes: number;
  readonly maxLineBytes: number;
  readonly maxSessions: number;
  readonly maxListItems: number;
  readonly maxListPages: number;
  readonly maxListBytes: number;
  readonly legacyTtlMs: number;
  readonly refreshMs: number;
  readonly changeIntervalMs: number;
}

const mebibyte = 2 ** 20;

export function upstreamContext(id: string, config: UpstreamConfig, deps: UpstreamDeps): UpstreamContext {
  const { limits = {}, lists = {} } = deps;
  const child: Partial<StdioUpstreamConfig> = 'command' in config ? config : {};
  const maxResultBytes = config.maxResultBytes ?? 16 * mebibyte;
  return {
    id,
    faults: faultsOf(id, 'url' in config ? Object.keys(config.headers ?? {}) : []),
    logger: deps.logger.child({ provider: id }),
    metrics: deps.metrics,
    clock: deps.clock ?? systemClock,
    self: deps.self ?? { name: 'seaworthy', version: '0.1.0' },
    budget: deps.budget,
    pools: deps.pools ?? new HttpPools(),
    breaker: { failures: 5, openMs: 1_000, maxOpenMs: 30_000, ...config.breaker },
    processes: deps.processes,
    environment: deps.environment ?? {},
    bridge: config.bridge ?? true,
    connectTimeoutMs: config.connectTimeoutMs ?? 10_000,
    listTimeoutMs: config.listTimeoutMs ?? 30_000,
    idleMs: config.idleMs ?? 600_000,
    interactive: config.interactive ?? 'auto',
    interactivePool: config.interactivePool ?? 4,
    sharing: child.sharing ?? 'shared',
    startsAtBoot: child.start !== 'demand',
    maxProcesses: child.maxProcesses ?? 8,
    maxMemoryBytes: child.maxMemoryBytes ?? 1024 * mebibyte,
    maxResultBytes,
    maxLineBytes: config.maxLineBytes ?? maxResultBytes + 65_536,
    maxSessions: limits.maxSessions ?? 1_000,
    maxListItems: limits.maxListItems ?? 10_000,
    maxListPages: limits.maxListPages ?? 1_000,
    maxListBytes: limits.maxListBytes ?? 16 * mebibyte,
    legacyTtlMs: lists.legacyTtlMs ?? 60_000,
    refreshMs: lists.refreshMs ?? 30_000,
    changeIntervalMs: lists.changeIntervalMs ?? 500,
  };
}
