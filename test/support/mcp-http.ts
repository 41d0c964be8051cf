import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Writable } from 'node:stream';
import { encodedRecord, type KeptRecord } from '#gateway/audit/index.js';
import { hashKey, KeyAuthenticator, makeKey, type Authenticator } from '#gateway/auth/index.js';
import { Parking } from '#gateway/bridge/index.js';
import { Catalog, noSnapshotStore, type Provider } from '#gateway/catalog/index.js';
import { Concurrency, RateLimits, type RateRules } from '#gateway/limits/index.js';
import { moduleProvider, type Module } from '#gateway/modules/index.js';
import { createPipeline, SchemaChecks, type PipelineOptions } from '#gateway/pipeline/index.js';
import { compilePolicy, type AccessRule } from '#gateway/policy/index.js';
import { TaskTokens } from '#gateway/tasks/index.js';
import { ByteBudget } from '#kernel/context/index.js';
import { createSealer, KnownSecrets, memoryKeyRing, type KeyRing } from '#kernel/secrets/index.js';
import { memorySharedState, type MemorySharedState } from '#kernel/shared/index.js';
import { createLogger, createMetrics, type Metrics } from '#kernel/telemetry/index.js';
import { systemClock } from '#kernel/time/index.js';
import { latestModern, meta } from '#protocol/model/index.js';
import {
  CallRegistry,
  mcpHttp,
  type Handler,
  type McpHttp,
  type McpHttpOptions,
  type ServingContext,
} from '#protocol/server/index.js';
import { loopbackHosts, openEdge } from '#protocol/transport/index.js';
import { WireClient, type Message, type OpenStream, type Reply, type WireRequest } from './mcp-wire.js';

/** What differs from a plain gateway with default limits. */
export interface McpTestOptions {
  readonly modules?: readonly Module[];
  readonly providers?: readonly Provider[];
  /** Default: role `owner` may do everything; `reader` and `nobody` exist and may do nothing. */
  readonly access?: readonly AccessRule[];
  readonly http?: Partial<Omit<McpHttpOptions, 'sessions' | 'edge'>>;
  /** Default: loopback only. */
  readonly edge?: Partial<Parameters<typeof openEdge>[0]>;
  readonly sessions?: Partial<McpHttpOptions['sessions']>;
  readonly limits?: Partial<PipelineOptions['limits']>;
  /** Default: nothing is ever refused for its rate. */
  readonly rates?: Partial<RateRules>;
  /** Bytes of results held at once. */
  readonly maxResultBytesInFlight?: number;
  readonly authenticator?: Authenticator;
  /** The same ring in two servers: a restart, or two replicas. */
  readonly keyRing?: KeyRing;
  readonly shared?: MemorySharedState;
  readonly pageSize?: number;
  readonly coldWaitMs?: number;
  /** Wraps the pipeline, to watch it. */
  readonly wrap?: (handler: Handler) => Handler;
}

export type TestRole = 'owner' | 'reader' | 'nobody';

/** `mcpHttp()` on a free port in front of a real pipeline; state in memory, everything emitted is kept. */
export interface McpTestServer {
  readonly port: number;
  readonly client: WireClient;
  readonly mcp: McpHttp;
  readonly handler: Handler;
  readonly context: ServingContext;
  readonly catalog: Catalog;
  readonly metrics: Metrics;
  /** One API key of each role. */
  readonly keys: Readonly<Record<TestRole, string>>;
  /** As the audit log keeps them. */
  readonly audit: readonly KeptRecord[];
  /** Codes of refusals at the edge. */
  readonly refusals: readonly string[];
  /** Everything logged, JSON lines. */
  logText(): string;
  /** A request of the modern family with the headers that belong to it. */
  modern(method: string, params?: object, options?: ModernOptions): WireRequest;
  /** Sends a modern request and reads the whole answer. */
  call(method: string, params?: object, options?: ModernOptions): Promise<Reply>;
  /** Opens a session of the legacy family. */
  session(options?: SessionOptions): Promise<LegacyTestSession>;
  close(): Promise<void>;
}

export interface ModernOptions {
  readonly id?: string | number;
  readonly role?: TestRole;
  readonly provider?: string;
  /** Members of `params._meta` besides the envelope's required ones. */
  readonly meta?: object;
  readonly capabilities?: object;
  readonly headers?: Record<string, string | undefined>;
}

export interface SessionOptions {
  readonly role?: TestRole;
  readonly provider?: string;
  readonly revision?: string;
  readonly capabilities?: object;
}

/** Starts it. `close` ends every connection. */
export async function startMcpHttp(options: McpTestOptions = {}): Promise<McpTestServer> {
  const lines: string[] = [];
  const logger = createLogger({ level: 'debug', destination: collectInto(lines) });
  const shared = options.shared ?? memorySharedState();
  const keyRing = options.keyRing ?? memoryKeyRing();
  const metrics = createMetrics();
  const audit: KeptRecord[] = [];
  const secrets = new KnownSecrets();
  const refusals: string[] = [];
  const policy = compilePolicy(options.access ?? [{ role: 'owner', allow: ['*:*'] }]);
  const catalog = new Catalog({
    policy,
    logger,
    store: noSnapshotStore,
    coldWaitMs: options.coldWaitMs ?? 1000,
    pageSize: options.pageSize ?? 100,
    serverInfo,
    private: true,
  });
  const moduleParts = { log: logger, clock: systemClock, dataDir: '/nonexistent/seaworthy-test' };
  const modules = (options.modules ?? []).map((module) =>
    moduleProvider(module, {}, { ...moduleParts, sealer: createSealer(keyRing, 'request-state') }),
  );
  catalog.replace([...modules, ...(options.providers ?? [])], policy);
  const { keys, authenticator } = testKeys();
  const pipeline = createPipeline({
    authenticator: options.authenticator ?? authenticator,
    catalog,
    rates: new RateLimits({
      shared: shared.rates,
      local: shared.rates,
      rules: { ...defaultRates, ...options.rates },
      onLimited: (limit) => metrics.limited.inc({ limit }),
    }),
    running: new Concurrency(),
    limits: { ...defaultLimits, ...options.limits },
    checks: new SchemaChecks(logger),
    parking: new Parking({
      sealer: createSealer(keyRing, 'parked-call'),
      limits: { maxCalls: 100, maxCallsPerPrincipal: 50, maxBytes: 2 ** 20, parkedMs: 60_000 },
      now: () => Date.now(),
    }),
    confirmations: {
      sealer: createSealer(keyRing, 'confirmation'),
      revocations: shared.revocations,
      now: () => Date.now(),
      ttlMs: 60_000,
    },
    taskTokens: new TaskTokens(createSealer(keyRing, 'task')),
    budget: new ByteBudget(options.maxResultBytesInFlight ?? 64 * 1024 * 1024, () => {}),
    recorder: {
      audit: { write: (record) => audit.push(encodedRecord(record, 'shape', secrets)), refusal: undefined },
      metrics,
      now: () => Date.now(),
      pinOf: () => undefined,
    },
    logger,
  });
  const handler = options.wrap?.(pipeline) ?? pipeline;
  let requests = 0;
  const nextRequestId = () => `r${++requests}`;
  const context: ServingContext = {
    handler,
    logger,
    serverInfo,
    maxJsonDepth: 32,
    calls: new CallRegistry(),
    nextRequestId,
  };
  const mcp = mcpHttp(context, {
    ...defaultHttp,
    edge: openEdge({ hosts: { hosts: loopbackHosts, origins: [] }, nextRequestId, ...options.edge }),
    onRefusal: (code) => refusals.push(code),
    ...options.http,
    sessions: {
      ...defaultSessions,
      sealer: createSealer(keyRing, 'session'),
      revocations: shared.revocations,
      now: () => Date.now(),
      ...options.sessions,
    },
  });
  // Longer than any test computes: a kept connection must not close just as it is used again.
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => mcp.handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const client = new WireClient('127.0.0.1', port);
  const modern = (method: string, params: object = {}, given: ModernOptions = {}) =>
    modernRequest(keys, method, params, given);
  return {
    port,
    client,
    mcp,
    handler,
    context,
    catalog,
    metrics,
    keys,
    audit,
    refusals,
    logText: () => lines.join(''),
    modern,
    call: (method, params, given) => client.send(modern(method, params, given)),
    session: (given = {}) => LegacyTestSession.open(client, keys, given),
    async close() {
      mcp.stop();
      client.close();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      await catalog.stop();
    },
  };
}

/** A session of the legacy family, as a client sees it. */
export class LegacyTestSession {
  readonly #client: WireClient;
  readonly #path: string;
  readonly #key: string;
  readonly id: string;
  readonly initialized: Record<string, unknown>;
  readonly revision: string;
  #nextId = 1;

  private constructor(client: WireClient, path: string, key: string, id: string, initialized: Record<string, unknown>) {
    this.#client = client;
    this.#path = path;
    this.#key = key;
    this.id = id;
    this.initialized = initialized;
    this.revision = initialized['protocolVersion'] as string;
  }

  static async open(client: WireClient, keys: Record<TestRole, string>, options: SessionOptions) {
    const path = options.provider === undefined ? '/mcp' : `/mcp/${options.provider}`;
    const key = keys[options.role ?? 'owner'];
    const reply = await client.send({
      path,
      headers: { ...jsonHeaders, authorization: `Bearer ${key}` },
      body: initializeBody(options),
    });
    const id = reply.headers['mcp-session-id'];
    if (typeof id !== 'string') throw new Error(`no session: ${reply.status} ${reply.text}`);
    return new LegacyTestSession(client, path, key, id, reply.json?.result ?? {});
  }

  /** The wire form of anything sent inside this session. */
  wire(body?: object | string, more: WireRequest = {}): WireRequest {
    const { headers, ...rest } = more;
    return {
      path: this.#path,
      ...(body === undefined ? {} : { body }),
      ...rest,
      headers: {
        ...(body === undefined ? { accept: 'text/event-stream' } : jsonHeaders),
        authorization: `Bearer ${this.#key}`,
        'mcp-session-id': this.id,
        'mcp-protocol-version': this.revision,
        ...headers,
      },
    };
  }

  request(method: string, params?: object, id: string | number = this.#nextId++): object {
    return { jsonrpc: '2.0', id, method, ...(params === undefined ? {} : { params }) };
  }

  /** Sends one request and reads the whole answer, JSON or stream. */
  call(method: string, params?: object, id?: string | number): Promise<Reply> {
    return this.#client.send(this.wire(this.request(method, params, id)));
  }

  /** The result of one request, wherever it came. @throws the JSON-RPC error as text */
  async result(method: string, params?: object): Promise<Record<string, unknown>> {
    const reply = await this.call(method, params);
    const answer = reply.json ?? reply.events.findLast(({ message }) => message?.id !== undefined)?.message;
    if (answer?.result === undefined) throw new Error(`no result: ${reply.status} ${reply.text}`);
    return answer.result;
  }

  /** Sends one request and hands back the stream of its answer. */
  open(method: string, params?: object, id?: string | number): Promise<OpenStream> {
    return this.#client.open(this.wire(this.request(method, params, id)));
  }

  notify(method: string, params?: object): Promise<Reply> {
    return this.#client.send(this.wire({ jsonrpc: '2.0', method, ...(params === undefined ? {} : { params }) }));
  }

  answer(id: string | number, answer: Pick<Message, 'result' | 'error'>): Promise<Reply> {
    return this.#client.send(this.wire({ jsonrpc: '2.0', id, ...answer }));
  }

  /** Opens the session's own stream, or resumes one. */
  stream(lastEventId?: string): Promise<OpenStream> {
    const headers = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
    return this.#client.open(this.wire(undefined, { method: 'GET', headers }));
  }

  delete(): Promise<Reply> {
    return this.#client.send(this.wire(undefined, { method: 'DELETE' }));
  }
}

export const jsonHeaders = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

export const initializeBody = ({ revision = '2025-11-25', capabilities = {} }: SessionOptions = {}) => ({
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: revision, capabilities, clientInfo: { name: 'test', version: '1' } },
});

function modernRequest(
  keys: Readonly<Record<TestRole, string>>,
  method: string,
  params: object,
  options: ModernOptions,
): WireRequest {
  const member = mirroredMember[method];
  const mirrored = member === undefined ? undefined : (params as Record<string, string | undefined>)[member];
  const envelope = {
    [meta.protocolVersion]: latestModern,
    [meta.clientCapabilities]: options.capabilities ?? {},
    ...options.meta,
  };
  const headers: Record<string, string | undefined> = {
    ...jsonHeaders,
    authorization: `Bearer ${keys[options.role ?? 'owner']}`,
    'mcp-protocol-version': latestModern,
    'mcp-method': method,
    'mcp-name': mirrored,
    ...options.headers,
  };
  return {
    path: options.provider === undefined ? '/mcp' : `/mcp/${options.provider}`,
    headers: Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined)),
    body: { jsonrpc: '2.0', id: options.id ?? 1, method, params: { ...params, _meta: envelope } },
  };
}

const mirroredMember: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'tasks/get': 'taskId',
  'tasks/update': 'taskId',
  'tasks/cancel': 'taskId',
};

const serverInfo = { name: 'test-gateway', version: '1' };

function testKeys() {
  const keys = { owner: makeKey(), reader: makeKey(), nobody: makeKey() };
  const authenticator = new KeyAuthenticator(() => Date.now());
  authenticator.replace(
    Object.entries(keys).map(([role, key]) => ({
      id: role,
      name: role,
      description: undefined,
      hash: hashKey(key),
      previous: undefined,
      roles: [role],
      scopes: undefined,
      addresses: [],
      createdAt: 0,
      lastUsedAt: undefined,
      expiresAt: undefined,
      revokedAt: undefined,
    })),
  );
  return { keys, authenticator };
}

const collectInto = (lines: string[]): Writable =>
  new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString('utf8'));
      done();
    },
  });

const distant = { limit: 100_000, windowMs: 60_000 };
const defaultRates: RateRules = {
  address: distant,
  health: distant,
  login: distant,
  api: distant,
  listen: distant,
  tools: [],
};

const defaultLimits: PipelineOptions['limits'] = {
  concurrencyPerPrincipal: 64,
  concurrencyPerProvider: 256,
  callTimeoutMs: 10_000,
  maxResultBytes: 4 * 1024 * 1024,
};

const defaultHttp: Omit<McpHttpOptions, 'sessions' | 'edge'> = {
  maxBodyBytes: 256 * 1024,
  maxBufferedBytes: 4 * 1024 * 1024,
  streams: { maxStreams: 100, maxStreamsPerPrincipal: 50, keepAliveMs: 60_000 },
  legacy: { streamAfterMs: 2000, retryMs: 20 },
  legacySse: false,
};

const defaultSessions = {
  maxAgeMs: 60_000,
  idleMs: 60_000,
  maxLive: 100,
  maxStreamsPerSession: 8,
  replay: { maxEvents: 16, maxBytes: 64 * 1024 },
};
