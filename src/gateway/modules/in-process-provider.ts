import type {
  MetricSample,
  ProviderCall,
  ProviderEvent,
  ProviderHealth,
  ProviderInterest,
  ProviderSnapshot,
  ProviderSubscription,
} from '#gateway/catalog/index.js';
import { fail, reasonOf } from '#kernel/errors/index.js';
import { Lifecycle } from '#kernel/module/index.js';
import type { ModelResult } from '#protocol/model/index.js';
import { callTool } from './call-tool.js';
import { complete } from './complete.js';
import type { ListName, ModuleEnvironment } from './context.js';
import type { ConfiguredModule, Module, Provisioned } from './definition.js';
import { getPrompt } from './get-prompt.js';
import { InFlight } from './in-flight.js';
import type { ModuleProvider, ToolPolicy } from './module-provider.js';
import { readOffer, type Offer } from './offer.js';
import { findResource, readResource } from './read-resource.js';
import type { Runtime } from './round.js';
import { snapshotOf } from './snapshot.js';
import { Subscriptions } from './subscriptions.js';

type ContractModule = Extract<ConfiguredModule, { kind: 'contract' }>;

/** A module on our own contract: its lists in memory, its calls a function call away. */
export class InProcessProvider implements ModuleProvider {
  readonly kind = 'module';
  readonly id: string;
  readonly #module: Module;
  readonly #configured: ContractModule;
  readonly #environment: ModuleEnvironment;
  readonly #runtime: Runtime;
  readonly #lifecycle: Lifecycle;
  readonly #inFlight = new InFlight();
  readonly #subscriptions = new Subscriptions();
  readonly #listeners = new Set<(event: ProviderEvent) => void>();
  #provisioned: Provisioned | undefined;
  #offer: Offer | undefined;
  #snapshot: ProviderSnapshot | undefined;
  #failure: string | undefined;
  #reading: Promise<unknown> = Promise.resolve();

  constructor(module: Module, configured: ContractModule, environment: ModuleEnvironment) {
    this.id = module.id;
    this.#module = module;
    this.#configured = configured;
    this.#environment = environment;
    const { log, clock, sealer } = environment;
    this.#runtime = { id: module.id, log, clock, sealer };
    this.#lifecycle = new Lifecycle(
      module.id,
      {
        provision: (undo) => this.#provision((release) => undo.push(release)),
        start: () => this.#provisioned?.start?.(),
        drain: async () => {
          await this.#inFlight.drained();
          await this.#provisioned?.drain?.();
        },
        stop: () => this.#provisioned?.stop?.(),
      },
      (thrown) => log.error({ err: thrown, module: module.id }, 'module did not stop cleanly'),
    );
  }

  async provision(): Promise<void> {
    await this.#reportingFailure(this.#lifecycle.provision());
  }

  async start(): Promise<void> {
    if (this.#lifecycle.state === 'created') await this.provision();
    await this.#reportingFailure(this.#lifecycle.start());
  }

  snapshot(): ProviderSnapshot | undefined {
    return this.#snapshot;
  }

  /** @throws SW_UPSTREAM_UNAVAILABLE before `start`; SW_MODULE_INVALID where a list cannot be offered */
  refresh(): Promise<ProviderSnapshot> {
    const read = this.#reading.then(() => this.#readLists());
    this.#reading = read.then(over, over);
    return read;
  }

  async invoke(call: ProviderCall): Promise<ModelResult> {
    const offer = this.#offer;
    if (this.#lifecycle.state !== 'started' || !offer) throw this.#refusal();
    this.#inFlight.enter();
    try {
      return await this.#answer(offer, call);
    } finally {
      this.#inFlight.leave();
    }
  }

  subscribe(interest: ProviderInterest): ProviderSubscription {
    const offer = this.#offer;
    return this.#subscriptions.open(offer ? interest.resources.filter((uri) => findResource(offer, uri)) : []);
  }

  onEvent(listener: (event: ProviderEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  health(): ProviderHealth {
    const state = this.#lifecycle.state;
    if (this.#failure !== undefined) return { status: 'unhealthy', message: this.#failure };
    if (state === 'draining') return { status: 'degraded', message: 'The module is draining.' };
    if (state !== 'started') return { status: 'unhealthy', message: `The module is ${state}.` };
    try {
      return this.#provisioned?.health?.() ?? { status: 'healthy', message: 'The module is running.' };
    } catch (thrown) {
      this.#runtime.log.error({ err: thrown, module: this.id }, 'health check failed');
      return { status: 'unhealthy', message: 'The health check of the module failed.' };
    }
  }

  drain(): Promise<void> {
    return this.#lifecycle.drain();
  }

  async stop(): Promise<void> {
    await this.#lifecycle.stop();
    this.#listeners.clear();
  }

  policyOf(tool: string): ToolPolicy | undefined {
    const definition = this.#offer?.tools.get(tool)?.definition;
    if (!definition) return undefined;
    const { scopes = [], timeoutMs, maxResultBytes } = definition;
    return { scopes, timeoutMs, maxResultBytes };
  }

  metrics(): readonly MetricSample[] {
    return this.#provisioned?.metrics?.() ?? [];
  }

  #answer(offer: Offer, call: ProviderCall): Promise<ModelResult> {
    switch (call.request.method) {
      case 'tools/call':
        return callTool(this.#runtime, offer.tools, call);
      case 'resources/read':
        return readResource(this.#runtime, offer, call);
      case 'prompts/get':
        return getPrompt(this.#runtime, offer.prompts, call);
      case 'completion/complete':
        return complete(this.#runtime, offer, this.#provisioned, call);
      default:
        throw fail('SW_METHOD_UNKNOWN', { method: call.request.method });
    }
  }

  async #provision(onStop: (undo: () => Promise<void> | void) => void): Promise<void> {
    const context = {
      ...this.#environment,
      id: this.id,
      onStop,
      changed: (...lists: ListName[]) => this.#changed(lists),
      updated: (uri: string) => this.#updated(uri),
    };
    this.#provisioned = await this.#configured.provision(context);
    await this.refresh();
  }

  async #readLists(): Promise<ProviderSnapshot> {
    const provisioned = this.#provisioned;
    if (!provisioned || this.#lifecycle.state === 'stopped') throw this.#refusal();
    const offer = await readOffer(this.#module, provisioned);
    this.#offer = offer;
    this.#snapshot = snapshotOf(this.#module, provisioned, offer, this.#runtime.clock.now());
    return this.#snapshot;
  }

  /** The event follows the reading, so that whoever asks on hearing it gets the new list. */
  #changed(lists: readonly ListName[]): void {
    this.refresh().then(
      () => this.#raise({ kind: 'snapshot', lists }),
      (thrown: unknown) => this.#runtime.log.error({ err: thrown, module: this.id }, 'lists could not be read anew'),
    );
  }

  #updated(uri: string): void {
    if (this.#subscriptions.has(uri)) this.#raise({ kind: 'resource-updated', uri, params: { uri } });
  }

  #raise(event: ProviderEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  #refusal(): Error {
    if (this.#lifecycle.state === 'draining') return fail('SW_DRAINING');
    return fail('SW_UPSTREAM_UNAVAILABLE', { provider: this.id, reason: `the module is ${this.#lifecycle.state}` });
  }

  async #reportingFailure(step: Promise<void>): Promise<void> {
    try {
      await step;
    } catch (thrown) {
      this.#failure ??= reasonOf(thrown);
      throw thrown;
    }
  }
}

const over = (): void => {};
