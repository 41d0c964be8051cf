import type { Logger } from '#kernel/telemetry/index.js';
import { fail, reasonOf } from '#kernel/errors/index.js';
import type { Principal } from '#kernel/context/index.js';
import type { Policy, Rights } from '../policy/index.js';
import type { Provider, ProviderEvent, ProviderSnapshot } from './provider.js';
import type { SnapshotStore } from './snapshot-store.js';
import { View, type ViewOptions } from './view.js';

export interface CatalogOptions extends ViewOptions {
  readonly policy: Policy;
  readonly logger: Logger;
  readonly store: SnapshotStore;
  /** How long a first list waits for a provider that has never answered, milliseconds. */
  readonly coldWaitMs: number;
}

/** What changed in the catalog, told to those who listen. */
export interface CatalogChange {
  readonly provider: string;
  readonly event: ProviderEvent;
}

interface Member {
  readonly provider: Provider;
  /** Settles when the first attempt to reach the provider has ended. */
  readonly started: Promise<void>;
  /** The snapshot kept from an earlier run, until there is a live one. */
  warm: ProviderSnapshot | undefined;
}

/** Everything on offer: the providers, their last good snapshots, and the views made of them. */
export class Catalog {
  readonly #options: CatalogOptions;
  readonly #members = new Map<string, Member>();
  readonly #listeners = new Set<(change: CatalogChange) => void>();
  /** Views by rights and route; emptied on every change, because a view is a function of the snapshots. */
  #views = new Map<string, View>();

  constructor(options: CatalogOptions) {
    this.#options = options;
  }

  /** Adds providers and begins to start them, all at once; none waits for another. */
  add(providers: readonly Provider[]): void {
    for (const provider of providers) {
      provider.onEvent((event) => this.#onEvent(provider, event));
      const warm = this.#options.store.load(provider.id);
      const started = provider.start().then(
        () => this.#views.clear(),
        (error: unknown) => {
          this.#options.logger.error({ provider: provider.id, err: error }, 'a provider could not be started');
        },
      );
      this.#members.set(provider.id, { provider, started, warm });
    }
    this.#views.clear();
  }

  has(provider: string): boolean {
    return this.#members.has(provider);
  }

  get providers(): readonly Provider[] {
    return [...this.#members.values()].map(({ provider }) => provider);
  }

  /** @throws SW_PROVIDER_UNKNOWN */
  provider(id: string): Provider {
    const member = this.#members.get(id);
    if (!member) throw fail('SW_PROVIDER_UNKNOWN', { provider: id });
    return member.provider;
  }

  /** The last good snapshot of a provider, from this run or the one before. */
  snapshotOf(id: string): ProviderSnapshot | undefined {
    const member = this.#members.get(id);
    return member && (member.provider.snapshot() ?? member.warm);
  }

  /** What a principal sees at a route. Never waits; undefined while a provider of the route is still cold. */
  viewNow(route: string | undefined, principal: Principal): View | undefined {
    const rights = this.#options.policy.rightsOf(principal);
    const known = this.#views.get(viewKey(route, rights));
    if (known) return known;
    return this.#membersOf(route, rights).some(isCold) ? undefined : this.#build(route, rights);
  }

  /** The same, after waiting for cold providers, but never longer than `coldWaitMs`: a slow one costs its own entries. */
  async view(route: string | undefined, principal: Principal): Promise<View> {
    const now = this.viewNow(route, principal);
    if (now) return now;
    const rights = this.#options.policy.rightsOf(principal);
    const cold = this.#membersOf(route, rights).filter(isCold);
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#options.coldWaitMs);
    });
    await Promise.race([Promise.all(cold.map(({ started }) => started)), patience]);
    clearTimeout(timer);
    return this.#build(route, rights);
  }

  /** Calls back on every change, until the returned function is called. */
  onChange(listener: (change: CatalogChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async drain(): Promise<void> {
    await Promise.all(this.providers.map((provider) => provider.drain()));
  }

  async stop(): Promise<void> {
    const results = await Promise.allSettled(this.providers.map((provider) => provider.stop()));
    for (const result of results)
      if (result.status === 'rejected')
        this.#options.logger.error({ reason: reasonOf(result.reason) }, 'a provider did not stop cleanly');
  }

  #build(route: string | undefined, rights: Rights): View {
    const members = this.#membersOf(route, rights);
    const snapshots = members.flatMap((member) => member.provider.snapshot() ?? member.warm ?? []);
    const missing = members.filter(isCold).map(({ provider }) => provider.id);
    const view = new View(snapshots, rights, route === undefined, missing, this.#options);
    // While a provider is missing the view is made anew each time, so that it appears as soon as it is there.
    if (missing.length === 0) {
      if (this.#views.size >= maxViews) this.#views.clear();
      this.#views.set(viewKey(route, rights), view);
    }
    return view;
  }

  #membersOf(route: string | undefined, rights: Rights): Member[] {
    if (route === undefined) return [...this.#members.values()].filter(({ provider }) => rights.reaches(provider.id));
    const member = this.#members.get(route);
    return member ? [member] : [];
  }

  #onEvent(provider: Provider, event: ProviderEvent): void {
    if (event.kind === 'snapshot') {
      this.#views.clear();
      const snapshot = provider.snapshot();
      const member = this.#members.get(provider.id);
      if (snapshot && member) {
        member.warm = undefined;
        this.#options.store.save(snapshot);
      }
    }
    for (const listener of this.#listeners) listener({ provider: provider.id, event });
  }
}

const maxViews = 1000;
const viewKey = (route: string | undefined, rights: Rights): string => `${route ?? ''}\n${rights.key}`;
const isCold = ({ provider, warm }: Member): boolean => provider.snapshot() === undefined && warm === undefined;
