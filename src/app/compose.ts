import { resolve } from 'node:path';
import { randomBytes } from 'node:crypto';
import { ByteBudget } from '#kernel/context/index.js';
import { toSeaworthyError } from '#kernel/errors/index.js';
import { MemoryRates, openSharedState, type Revocations } from '#kernel/shared/index.js';
import { createSealer, KnownSecrets, openKeyRing, urlPassword } from '#kernel/secrets/index.js';
import { openStorage } from '#kernel/storage/index.js';
import { createMetrics, type Logger, type Metrics } from '#kernel/telemetry/index.js';
import { systemClock } from '#kernel/time/index.js';
import {
  KeyAuthenticator,
  keysOrTokens,
  KeyStore,
  openToAll,
  type Authenticator,
  type ProtectedResource,
} from '#gateway/auth/index.js';
import { Parking } from '#gateway/bridge/index.js';
import { Catalog, fileSnapshotStore, type Provider } from '#gateway/catalog/index.js';
import { Concurrency, RateLimits } from '#gateway/limits/index.js';
import type { Module } from '#gateway/modules/index.js';
import { ChildSlots } from '#gateway/upstreams/index.js';
import { createPipeline, SchemaChecks } from '#gateway/pipeline/index.js';
import { TaskTokens } from '#gateway/tasks/index.js';
import { PinBook, type PinSettings } from '#gateway/pins/index.js';
import { HttpPools } from '#protocol/client/index.js';
import { CallRegistry, type Handler, type ServingContext } from '#protocol/server/index.js';
import { adminAdmission, type ApiServices } from './api/index.js';
import { auditSources, keyCreated, openAudit } from './audit.js';
import type { Config } from './config.js';
import { healthOf, type HealthReport } from './health.js';
import { watchKeys } from './key-watch.js';
import { policyOf } from './policy.js';
import { makeProviders } from './providers.js';
import { Reloads } from './reloads.js';
import { openOAuth } from './oauth.js';
import { Retiring } from './retiring.js';
import { routingOf } from './routing.js';
import { packageVersion } from './version.js';

export interface ComposeOptions {
  readonly logger: Logger;
  /** Relative paths in the configuration are read from here. */
  readonly baseDir: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Modules that a program brings along. */
  readonly modules?: Readonly<Record<string, Module>> | undefined;
  /** Who calls, where the program that we are mounted in knows. Default: API keys. */
  readonly authenticator?: Authenticator | undefined;
}

/** Everything that runs for one configuration, before it has a listener. */
export interface Gateway {
  readonly config: Config;
  readonly context: ServingContext;
  readonly handler: Handler;
  readonly catalog: Catalog;
  readonly keys: KeyStore;
  /** What the REST interface works with. */
  readonly api: ApiServices;
  readonly pinBook: PinBook;
  /** Makes the first key of an empty database; undefined where there is one already. The key is never shown again. */
  makeFirstKey(): Promise<string | undefined>;
  /** Present where access tokens are accepted. */
  readonly protectedResource: ProtectedResource | undefined;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly sessionParts: Pick<ReturnType<typeof sessionPartsOf>, 'sealer' | 'revocations' | 'now'>;
  /** Sets who is told of principals whose credentials have ended or changed. */
  onPrincipalsEnded(listener: (principalIds: ReadonlySet<string>) => void): void;
  /** States of what is built around it, by name, for health. */
  readonly parts: Map<string, () => HealthReport['components'][string]>;
  health(): Promise<HealthReport>;
  /** Counts a request to an address that needs no key. @throws SW_RATE_LIMITED */
  limitHealth(address: string | undefined): void;
  /**
   * Puts the configuration that `read` returns in force; providers that did not change go on untouched, others finish
   * the calls that they have. What is refused leaves everything as it is, and shows in health and metrics.
   * @throws what `read` throws, SW_CONFIG_INVALID, SW_MODULE_INVALID, SW_SECRET_UNAVAILABLE
   */
  reload(read: () => Config): Promise<void>;
  /** Waits for calls in flight, at most `drain.timeoutMs`. */
  drain(): Promise<void>;
  stop(): Promise<void>;
}

/** The composition root: builds every part from the configuration and hands each what it needs. */
export async function compose(initial: Config, options: ComposeOptions): Promise<Gateway> {
  const { logger } = options;
  const now = () => systemClock.now();
  const dataDir = resolve(options.baseDir, initial.dataDir);
  const metrics = createMetrics({ version: packageVersion });
  const shared = await openSharedState({
    ...initial.shared,
    logger,
    onState: (up) => metrics.sharedUp.set(up ? 1 : 0),
  });
  const storage = await openStorage({ url: initial.storage.url, dataDir });
  const keys = await KeyStore.open(storage, now);
  const keyRing = await openKeyRing(resolve(dataDir, 'keys', 'seal.json'));
  let onEnded: (principalIds: ReadonlySet<string>) => void = () => {};
  const keyAuthenticator = new KeyAuthenticator(now, {
    maxStaleMs: initial.auth.keys.maxStaleMs,
    onRefused: (reason) => metrics.loginFailures.inc({ reason }),
    onEnded: (principalIds) => onEnded(principalIds),
  });
  const keyWatch = await watchKeys(keys, storage, keyAuthenticator, logger);
  const oauth = openOAuth(initial, { logger, now, onRefused: (reason) => metrics.loginFailures.inc({ reason }) });
  const authenticator = oauth ? keysOrTokens(keyAuthenticator, oauth.tokens) : keyAuthenticator;
  const secrets = new KnownSecrets();
  for (const url of [initial.storage.url, initial.shared.url]) {
    const password = urlPassword(url);
    if (password !== undefined) secrets.add(password);
  }
  const audit = await openAudit(initial, {
    ...{ dataDir, storage, secrets, logger, metrics, now },
    environment: options.environment,
  });
  const serverInfo = { name: 'seaworthy', version: packageVersion };
  const running = new Concurrency();
  const addressRates = new MemoryRates(systemClock, maxAddresses);
  const ratesOf = (current: Config): RateLimits =>
    new RateLimits({
      shared: shared.rates,
      local: addressRates,
      rules: current.limits.rates,
      onLimited: (limit) => metrics.limited.inc({ limit }),
    });
  const parking = new Parking({
    sealer: createSealer(keyRing, 'parked-call'),
    limits: initial.bridge,
    now,
    onChange: (calls, bytes) => {
      metrics.parkedCalls.set(calls);
      metrics.parkedBytes.set(bytes);
    },
    onRefused: (reason) => metrics.parkedRefused.inc({ reason }),
  });
  const confirmationSealer = createSealer(keyRing, 'confirmation');
  const taskTokens = new TaskTokens(createSealer(keyRing, 'task'));
  const budget = new ByteBudget(initial.limits.maxResultBytesInFlight, (held) => metrics.resultBytes.set(held));
  const pools = new HttpPools();
  const processes = new ChildSlots(initial.limits.maxProcesses, 'limits.maxProcesses');
  const moduleSealer = createSealer(keyRing, 'request-state');
  const partsOf = (config: Config) => ({
    config,
    baseDir: options.baseDir,
    dataDir,
    logger,
    metrics,
    sealer: moduleSealer,
    environment: options.environment,
    modules: options.modules ?? {},
    secrets,
    storage,
    budget,
    pools,
    processes,
  });

  const pinBook = await PinBook.open({
    ...{ storage, audit, metrics, logger, now },
    file: resolve(options.baseDir, initial.pins.lockFile),
    settings: pinSettingsOf(initial),
  });

  let config = initial;
  let configured = await makeProviders(partsOf(config));
  const catalog = new Catalog({
    policy: policyOf(config, { logger, metrics }),
    logger,
    store: fileSnapshotStore({
      directory: resolve(dataDir, 'snapshots'),
      configurationOf: (id) => configured.get(id)?.digest ?? '',
      maxBytes: config.lists.maxBytes,
      logger,
    }),
    screening: pinBook.pins,
    coldWaitMs: config.lists.coldWaitMs,
    changeIntervalMs: config.lists.changeIntervalMs,
    pageSize: config.lists.pageSize,
    serverInfo,
    private: config.auth.mode !== 'none',
  });

  const pipelineOf = (current: Config, currentRates: RateLimits): Handler =>
    createPipeline({
      authenticator: options.authenticator ?? (current.auth.mode === 'none' ? openToAll : authenticator),
      catalog,
      rates: currentRates,
      running,
      budget,
      parking,
      confirmations: {
        sealer: confirmationSealer,
        revocations: shared.revocations,
        now,
        ttlMs: current.bridge.parkedMs,
      },
      taskTokens,
      limits: { ...current.limits, concurrencyOf: ownConcurrency(current) },
      checks: current.validation.arguments ? new SchemaChecks(logger) : undefined,
      recorder: { audit, metrics, now, pinOf: (...item) => catalog.pinOf(...item) },
      logger,
    });
  let rates = ratesOf(config);
  let pipeline = pipelineOf(config, rates);
  let administration = adminAdmission(config, { logger, metrics });
  const providersOf = (): Provider[] => [...configured.values()].map(({ provider }) => provider);
  catalog.replace(providersOf(), policyOf(config, { logger, metrics }), routingOf(config));

  const parts: Gateway['parts'] = new Map([['shared', () => shared.health()]]);
  pinBook.watch(() => catalog.rescreen());
  const reloads = new Reloads(metrics);
  const retiring = new Retiring(logger);
  /** Everything that can fail comes first: what is refused has changed nothing. */
  async function take(next: Config): Promise<void> {
    const policy = policyOf(next, { logger, metrics });
    const routing = routingOf(next);
    const nextRates = ratesOf(next);
    const nextAdministration = adminAdmission(next, { logger, metrics });
    configured = await makeProviders(partsOf(next), configured);
    pinBook.pins.configure(pinSettingsOf(next));
    const gone = catalog.replace(providersOf(), policy, routing);
    catalog.rescreen();
    for (const { id } of gone) {
      if (catalog.has(id)) continue;
      metrics.upstreamUp.remove({ provider: id });
      pinBook.pins.forget(id);
    }
    rates = nextRates;
    pipeline = pipelineOf(next, rates);
    administration = nextAdministration;
    config = next;
    audit.settings = next.audit;
    logger.level = next.log.level;
    for (const provider of gone) parking.endOf(provider);
    // Their calls end by their own limits.
    retiring.begin(gone, next.limits.callTimeoutMs);
  }

  // Listeners hold this one handler; a reload changes what is behind it.
  const handler: Handler = {
    authenticate: (credentials) => pipeline.authenticate(credentials),
    enter: (address) => {
      pipeline.enter(address);
    },
    admit: (principal) => pipeline.admit(principal),
    serves: (route) => pipeline.serves(route),
    speaks: (route, family) => pipeline.speaks(route, family),
    handle: (call) => pipeline.handle(call),
    listen: (listener) => pipeline.listen(listener),
    ended: (session) => pipeline.ended(session),
  };
  const context: ServingContext = {
    handler,
    logger,
    serverInfo,
    maxJsonDepth: config.limits.maxJsonDepth,
    calls: new CallRegistry(),
    nextRequestId: requestIds(),
  };

  return {
    config,
    context,
    handler,
    catalog,
    keys,
    protectedResource: oauth?.resource,
    api: {
      handler,
      admits: (principal, subject) => administration(principal, subject),
      ...{ keys, catalog, audit, logger, now },
      auditSources: () => auditSources(initial, { storage, dataDir }),
    },
    pinBook,
    metrics,
    logger,
    sessionParts: sessionPartsOf(createSealer(keyRing, 'session'), shared.revocations, now),
    async makeFirstKey() {
      if ((await keys.list()).length > 0) return undefined;
      const { key, record } = await keys.create('first key', ['owner']);
      audit.write(keyCreated(record, undefined));
      return key;
    },
    onPrincipalsEnded: (listener) => {
      onEnded = listener;
    },
    limitHealth: (address) => rates.health(address),
    parts,
    health: () => healthOf(catalog, storage, audit, reloads, parts),
    async reload(read) {
      try {
        await take(read());
        reloads.taken();
      } catch (error) {
        reloads.refused(toSeaworthyError(error));
        throw error;
      }
    },
    async drain() {
      parking.stop();
      let timer: NodeJS.Timeout | undefined;
      const patience = new Promise<void>((done) => {
        timer = setTimeout(done, config.drain.timeoutMs);
      });
      await Promise.race([Promise.all([catalog.drain(), retiring.drained()]), patience]);
      clearTimeout(timer);
    },
    async stop() {
      await keyWatch.stop();
      parking.stop();
      await retiring.stop();
      await catalog.stop();
      await pinBook.stop();
      await audit.close();
      await shared.close();
      await storage.close();
    },
  };
}

/** Addresses whose rates are kept, per process: about 15 MB when full. */
const maxAddresses = 100_000;

const sessionPartsOf = (sealer: ReturnType<typeof createSealer>, revocations: Revocations, now: () => number) => ({
  sealer,
  revocations,
  now,
});

/** Modules run in this process: their definitions change with the program only, and are not pinned. */
const pinSettingsOf = ({ mcpServers, pins }: Config): PinSettings => ({
  policyOf: (id) => (Object.hasOwn(mcpServers, id) ? (mcpServers[id]?.pins ?? pins.policy) : 'off'),
  firstUse: pins.firstUse,
  kinds: pins.items,
});

/** Servers with a limit of their own on calls at once. */
const ownConcurrency = ({ mcpServers }: Config): Map<string, number> =>
  new Map(
    Object.entries(mcpServers).flatMap(([id, { maxConcurrency }]) =>
      maxConcurrency === undefined ? [] : [[id, maxConcurrency] as const],
    ),
  );

/** Ids that are unique over restarts and cost nothing: a random word per process and a counter. */
function requestIds(): () => string {
  const word = randomBytes(4).toString('hex');
  let next = 0;
  // Of one length, so that answers that are alike are so in size too.
  return () => `${word}-${(next++).toString(36).padStart(7, '0')}`;
}
