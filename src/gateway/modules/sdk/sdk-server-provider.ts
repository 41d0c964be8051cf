import { createHash } from 'node:crypto';
import type {
  ProviderCall,
  ProviderEvent,
  ProviderHealth,
  ProviderInterest,
  ProviderSnapshot,
  ProviderSubscription,
} from '#gateway/catalog/index.js';
import { fail, reasonOf } from '#kernel/errors/index.js';
import { Lifecycle } from '#kernel/module/index.js';
import { withDeadline } from '#kernel/time/index.js';
import { isObject } from '#protocol/jsonrpc/index.js';
import type {
  ClientFacts,
  Implementation,
  JsonObject,
  ModelResult,
  Prompt,
  Resource,
  ResourceTemplate,
  Tool,
} from '#protocol/model/index.js';
import type { ListName, ModuleEnvironment } from '../context.js';
import type { ConfiguredModule } from '../definition.js';
import { InFlight } from '../in-flight.js';
import type { ModuleProvider } from '../module-provider.js';
import { ServerSession } from './server-session.js';
import { SessionPool } from './session-pool.js';

/** How long a server may take for its handshake and lists. */
const openTimeoutMs = 30_000;

type SdkServerModule = Extract<ConfiguredModule, { kind: 'sdk-server' }>;

/** A server of the official SDK in this process: one session for the lists, one for each client. */
export class SdkServerProvider implements ModuleProvider {
  readonly kind = 'module';
  readonly id: string;
  readonly #module: SdkServerModule;
  readonly #environment: ModuleEnvironment;
  readonly #lifecycle: Lifecycle;
  readonly #sessions: SessionPool;
  readonly #inFlight = new InFlight();
  readonly #listeners = new Set<(event: ProviderEvent) => void>();
  #lists: ServerSession | undefined;
  #snapshot: ProviderSnapshot | undefined;
  #failure: string | undefined;

  constructor(id: string, module: SdkServerModule, environment: ModuleEnvironment) {
    this.id = id;
    this.#module = module;
    this.#environment = environment;
    const { clock, log } = environment;
    this.#sessions = new SessionPool(clock, log);
    this.#lifecycle = new Lifecycle(
      id,
      {
        provision: async (undo) => {
          undo.push(() => this.#sessions.close());
          const lists = await this.#open(undefined, { capabilities: {} });
          undo.push(() => lists.close());
          this.#lists = lists;
          await this.refresh();
        },
        drain: () => this.#inFlight.drained(),
      },
      (thrown) => log.error({ err: thrown, module: id }, 'SDK server did not stop cleanly'),
    );
  }

  async provision(): Promise<void> {
    try {
      await this.#lifecycle.provision();
    } catch (thrown) {
      this.#failure = reasonOf(thrown);
      throw thrown;
    }
  }

  async start(): Promise<void> {
    if (this.#lifecycle.state === 'created') await this.provision();
    await this.#lifecycle.start();
  }

  snapshot(): ProviderSnapshot | undefined {
    return this.#snapshot;
  }

  async refresh(): Promise<ProviderSnapshot> {
    const session = this.#lists;
    if (!session || this.#lifecycle.state === 'stopped') throw this.#unavailable();
    const capabilities = objectOf(session.initialized['capabilities']);
    const has = (name: string, method: string, member: string) =>
      capabilities[name] ? this.#withinTime(session.list(method, member)) : Promise.resolve([]);
    const [tools, prompts, resources, resourceTemplates] = await Promise.all([
      has('tools', 'tools/list', 'tools'),
      has('prompts', 'prompts/list', 'prompts'),
      has('resources', 'resources/list', 'resources'),
      has('resources', 'resources/templates/list', 'resourceTemplates'),
    ]);
    const lists = {
      tools: tools as Tool[],
      prompts: prompts as Prompt[],
      resources: resources as Resource[],
      resourceTemplates: resourceTemplates as ResourceTemplate[],
    };
    const { serverInfo, instructions } = session.initialized;
    this.#snapshot = {
      provider: this.id,
      family: 'legacy',
      at: this.#environment.clock.now(),
      hash: createHash('sha256').update(JSON.stringify(lists)).digest('hex'),
      serverInfo: isObject(serverInfo) ? (serverInfo as Implementation) : undefined,
      capabilities,
      instructions: typeof instructions === 'string' ? instructions : undefined,
      ...lists,
      ttlMs: 0,
      cacheScope: 'private',
    };
    return this.#snapshot;
  }

  async invoke(call: ProviderCall): Promise<ModelResult> {
    if (this.#lifecycle.state === 'draining') throw fail('SW_DRAINING');
    if (this.#lifecycle.state !== 'started') throw this.#unavailable();
    this.#inFlight.enter();
    try {
      const key = call.session?.key ?? sharedKey(call);
      const session = await this.#sessions.get(key, () => this.#open(key, call.client));
      return await session.invoke(call);
    } finally {
      this.#inFlight.leave();
    }
  }

  subscribe(interest: ProviderInterest): ProviderSubscription {
    const { log } = this.#environment;
    const subscribed = this.#subscribeAll(interest);
    return {
      accepted: subscribed.then(({ uris }) => uris),
      close: () => {
        subscribed
          .then(async ({ session, uris }) => {
            for (const uri of uris) await session?.unsubscribe(uri);
          })
          // Nothing is left to undo when the session has ended first.
          .catch((thrown: unknown) => log.debug({ err: thrown, module: this.id }, 'could not unsubscribe'));
      },
    };
  }

  onEvent(listener: (event: ProviderEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  health(): ProviderHealth {
    const state = this.#lifecycle.state;
    if (state === 'started') return { status: 'healthy', message: 'The server is running.' };
    if (state === 'draining') return { status: 'degraded', message: 'The server is draining.' };
    return { status: 'unhealthy', message: this.#failure ?? `The server is ${state}.` };
  }

  drain(): Promise<void> {
    return this.#lifecycle.drain();
  }

  async stop(): Promise<void> {
    await this.#lifecycle.stop();
    this.#listeners.clear();
  }

  policyOf(): undefined {
    return undefined;
  }
  async #open(key: string | undefined, client: Pick<ClientFacts, 'info' | 'capabilities'>): Promise<ServerSession> {
    const server = await this.#module.makeServer(this.#environment);
    const session = new ServerSession(this.id, server, {
      listChanged: (list) => this.#listChanged(list),
      resourceUpdated: (params) => {
        if (typeof params['uri'] === 'string') this.#raise({ kind: 'resource-updated', uri: params['uri'], params });
      },
      unattributed: (notification) =>
        this.#raise({ kind: 'notification', notification, ...(key !== undefined && { sessionKey: key }) }),
      closed: () => {
        if (key !== undefined) this.#sessions.forget(key, session);
      },
    });
    await this.#withinTime(session.open(client));
    return session;
  }

  async #subscribeAll(interest: ProviderInterest): Promise<{ session: ServerSession | undefined; uris: string[] }> {
    if (interest.resources.length === 0 || this.#lifecycle.state !== 'started') return { session: undefined, uris: [] };
    // The client's own session where it has one: its server instance is the one whose calls change things.
    const own = interest.session && this.#sessions.peek(interest.session.key);
    const key = `listen ${interest.session?.key ?? interest.principalId}`;
    const session = await (own ?? this.#sessions.get(key, () => this.#open(key, { capabilities: {} })));
    const answers = await Promise.all(interest.resources.map((uri) => session.subscribe(uri)));
    return { session, uris: interest.resources.filter((_uri, i) => answers[i]) };
  }

  #listChanged(list: ListName): void {
    this.refresh().then(
      () => this.#raise({ kind: 'snapshot', lists: [list] }),
      (thrown: unknown) =>
        this.#environment.log.error({ err: thrown, module: this.id }, 'lists could not be read anew'),
    );
  }

  #raise(event: ProviderEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  #withinTime<Result>(work: Promise<Result>): Promise<Result> {
    const late = () =>
      fail('SW_UPSTREAM_UNAVAILABLE', { provider: this.id, reason: `no answer within ${openTimeoutMs} ms` });
    return withDeadline(work, openTimeoutMs, late, this.#environment.clock);
  }

  #unavailable(): Error {
    return fail('SW_UPSTREAM_UNAVAILABLE', { provider: this.id, reason: `the server is ${this.#lifecycle.state}` });
  }
}

const objectOf = (value: unknown): JsonObject => (isObject(value) ? value : {});

/** A modern client has no session: its calls share one with those of the same caller and the same capabilities. */
const sharedKey = ({ scope, client }: ProviderCall): string =>
  `caller ${scope.principal.id} ${JSON.stringify(client.capabilities)}`;
