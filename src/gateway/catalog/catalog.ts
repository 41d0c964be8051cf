import type { Logger } from '#kernel/telemetry/index.js';
import { fail, reasonOf, type SeaworthyError } from '#kernel/errors/index.js';
import type { Principal } from '#kernel/context/index.js';
import type { Family } from '#protocol/model/index.js';
import { systemClock, type Clock } from '#kernel/time/index.js';
import type { Policy, Rights, SubjectKind } from '../policy/index.js';
import { ListChanges, type ChangedLists } from './list-changes.js';
import type { ListKind, Provider, ProviderEvent, ProviderSnapshot } from './provider.js';
import { plainRouting, type Group, type Routing } from './routing.js';
import { noScreening, type ItemKind, type Screening } from './screening.js';
import { StartQueue } from './start-queue.js';
import type { SnapshotStore } from './snapshot-store.js';
import { View, type ViewOptions } from './view.js';

export interface CatalogOptions extends ViewOptions {
  /** Access until the first `replace`. */
  readonly policy: Policy;
  readonly logger: Logger;
  readonly store: SnapshotStore;
  /** Which items may be offered. Default: all. */
  readonly screening?: Screening | undefined;
  /** How long after its start a list waits for a provider that has never answered, milliseconds. */
  readonly coldWaitMs: number;
  /** Clients are told of changed lists at most once in this time, milliseconds. Default 500. */
  readonly changeIntervalMs?: number | undefined;
  readonly clock?: Clock | undefined;
}

/** What changed in the catalog, told to those who listen. */
export type CatalogChange =
  | { readonly kind: 'lists'; readonly changed: ChangedLists }
  | { readonly kind: 'event'; readonly provider: string; readonly event: OtherEvent };

/** What a provider tells besides changes of its lists and of its state. */
export type OtherEvent = Exclude<ProviderEvent, { kind: 'snapshot' | 'availability' }>;

interface Member {
  readonly provider: Provider;
  /** Settles when the first attempt to reach the provider has ended. */
  readonly started: Promise<void>;
  settled: boolean;
  /** Time of `performance.now()` until which a list waits for the provider: one wait for all, not one for each call. */
  readonly waitUntil: number;
  /** The snapshot kept from an earlier run, until there is a live one. */
  warm: ProviderSnapshot | undefined;
  /** What views were made of, in brief. */
  facts: string;
  /** The names that are offered; undefined while nothing is known. */
  offered: string | undefined;
}

interface BuiltView {
  readonly view: View;
  /** Members that had no snapshot when it was built. */
  readonly missing: readonly Member[];
}

/** Everything on offer: the providers, their last good snapshots, and the views made of them. */
export class Catalog {
  readonly #options: CatalogOptions;
  readonly #screening: Screening;
  #members: ReadonlyMap<string, Member> = new Map();
  #policy: Policy;
  #stopped = false;
  #routing: Routing = plainRouting;
  /** Members that cannot be reached at this moment, whether or not their lists are known. */
  readonly #away = new Set<string>();
  readonly #changes: ListChanges;
  readonly #starts: StartQueue;
  readonly #listeners = new Set<(change: CatalogChange) => void>();
  /** Views by rights and route; emptied on every change, because a view is a function of the snapshots. */
  #views = new Map<string, BuiltView>();
  /** Whether some provider serves one family only; undefined until somebody asks. */
  #split: boolean | undefined;

  constructor(options: CatalogOptions) {
    this.#options = options;
    this.#screening = options.screening ?? noScreening;
    this.#policy = options.policy;
    this.#starts = new StartQueue(options.clock ?? systemClock);
    this.#changes = new ListChanges(options.clock ?? systemClock, options.changeIntervalMs ?? 500, (changed) =>
      this.#tell({ kind: 'lists', changed }),
    );
  }

  /**
   * Puts a new set of providers in place of the old one, in one step, and begins to start the new ones, all at once.
   * A provider that is in both sets goes on untouched. Returns those that left: the caller drains and stops them.
   */
  replace(providers: readonly Provider[], policy: Policy, routing: Routing = plainRouting): readonly Provider[] {
    const before = this.#members;
    this.#members = new Map(
      providers.map((provider) => {
        const member = before.get(provider.id);
        return [provider.id, member?.provider === provider ? member : this.#begin(provider)];
      }),
    );
    this.#policy = policy;
    this.#routing = routing;
    this.#forgetViews();
    const gone = [...before.values()].filter((member) => this.#members.get(member.provider.id) !== member);
    for (const { provider } of gone) this.#away.delete(provider.id);
    if (before.size > 0) this.#changes.add(new Set([...before.keys(), ...this.#members.keys()]), allLists);
    return gone.map(({ provider }) => provider);
  }

  /** The rights of a principal by the policy in force. */
  rightsOf(principal: Principal): Rights {
    return this.#policy.rightsOf(principal);
  }

  #begin(provider: Provider): Member {
    provider.onEvent((event) => this.#onEvent(provider, event));
    const warm = this.#options.store.load(provider.id);
    const member: Member = {
      provider,
      settled: false,
      waitUntil: performance.now() + this.#options.coldWaitMs,
      warm,
      facts: factsOf(warm),
      offered: warm && offeredOf(this.#screening.screen(warm)),
      // One whose lists are known is offered already; it is reached when the first lists have been answered.
      started: (warm ? this.#starts.add(() => this.#startIfThere(provider, warm)) : provider.start()).then(
        () => this.#settle(member),
        (error: unknown) => {
          // A stop in the middle of a start (the port was taken) is no failure of the provider.
          if (!this.#stopped)
            this.#options.logger.error({ provider: provider.id, err: error }, 'a provider could not be started');
          this.#settle(member);
        },
      ),
    };
    return member;
  }

  /** It may have left before its turn. */
  async #startIfThere(provider: Provider, warm: ProviderSnapshot): Promise<void> {
    if (!this.#stopped && this.#members.get(provider.id)?.provider === provider) await provider.start(warm);
  }

  #settle(member: Member): void {
    member.settled = true;
    this.#followViews(member);
  }

  /** Forgets the views unless the member shows what they were made of: live lists are often those that were kept. */
  #followViews(member: Member): void {
    const facts = factsOf(member.provider.snapshot() ?? member.warm);
    this.#split = undefined;
    if (facts === member.facts) return;
    member.facts = facts;
    this.#forgetViews();
  }

  has(provider: string): boolean {
    return this.#members.has(provider);
  }

  /** The group of this name. */
  group(name: string): Group | undefined {
    return this.#routing.groups.get(name);
  }

  /** True where `/mcp`, or `/mcp/{route}`, is served. */
  serves(route: string | undefined): boolean {
    return route === undefined || this.has(route) || this.#routing.groups.has(route);
  }

  /** True where a principal with these rights finds the provider at the route. */
  shows(route: string | undefined, provider: string, rights: Rights): boolean {
    if (!rights.reaches(provider)) return false;
    return route === undefined || (this.group(route)?.members.has(provider) ?? route === provider);
  }

  /**
   * The providers of a view that are not available: never reached, or away at this moment.
   * @throws SW_UPSTREAM_UNAVAILABLE where there is one and the route is closed then
   */
  unavailable(route: string | undefined, view: View): readonly string[] {
    if (this.#away.size === 0 && view.members.length === view.providers.size) return none;
    const names = view.members.filter((id) => this.#away.has(id) || !view.providers.has(id));
    const onFailure = route === undefined ? this.#routing.onFailure : this.group(route)?.onFailure;
    if (onFailure === 'closed' && names[0] !== undefined) throw this.unavailableError(names[0]);
    return names;
  }

  /** SW_UPSTREAM_UNAVAILABLE with what the provider says of its state. */
  unavailableError(provider: string): SeaworthyError {
    const reason = this.#members.get(provider)?.provider.health().message ?? 'it is gone';
    return fail('SW_UPSTREAM_UNAVAILABLE', { provider, reason });
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

  /** True where an item is held back: it is in no list, and a call of it is refused. */
  holds(provider: string, kind: SubjectKind, name: string): boolean {
    return this.#screening.holds(provider, itemKinds[kind], name);
  }

  /** Hash of the definition of an item, where definitions are pinned. */
  pinOf(provider: string, kind: SubjectKind, name: string): string | undefined {
    return this.#screening.pinOf(provider, itemKinds[kind], name);
  }

  /** What may be offered has changed: every snapshot is judged anew, and clients are told where the verdict differs. */
  rescreen(): void {
    for (const member of this.#members.values()) {
      const snapshot = member.provider.snapshot() ?? member.warm;
      if (!snapshot) continue;
      const offered = offeredOf(this.#screening.screen(snapshot));
      if (offered === member.offered) continue;
      member.offered = offered;
      this.#forgetViews();
      this.#changes.add([member.provider.id], listsOf(snapshot));
    }
  }

  /** Resolves when the first attempt to reach each provider has ended, well or not; a warm snapshot does not count. */
  async started(): Promise<void> {
    await Promise.all([...this.#members.values()].map(({ started }) => started));
  }

  /** True once every provider has answered, or failed to, for the first time. */
  get settled(): boolean {
    return [...this.#members.values()].every((member) => member.settled || !isCold(member));
  }

  /** False where no provider of the route can be offered to clients of this family. */
  speaks(route: string | undefined, family: Family): boolean {
    const members = this.#at(route);
    return members.length === 0 || members.some((each) => servesFamily(each, family));
  }

  /** What a principal sees at a route. Never waits; undefined while a provider of the route should be waited for. */
  viewNow(route: string | undefined, principal: Principal, family: Family): View | undefined {
    const rights = this.rightsOf(principal);
    const known = this.#views.get(this.#viewKey(route, rights, family));
    if (known?.missing.every(isCold)) return known.view;
    return this.#membersOf(route, rights, family).some(isAwaited) ? undefined : this.#build(route, rights, family);
  }

  /** The same, after waiting for providers that have just been started: a slow one costs its own entries. */
  async view(route: string | undefined, principal: Principal, family: Family): Promise<View> {
    const now = this.viewNow(route, principal, family);
    if (now) return now;
    const rights = this.rightsOf(principal);
    const awaited = this.#membersOf(route, rights, family).filter(isAwaited);
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, Math.max(...awaited.map(({ waitUntil }) => waitUntil)) - performance.now());
    });
    await Promise.race([Promise.all(awaited.map(({ started }) => started)), patience]);
    clearTimeout(timer);
    return this.#build(route, rights, family);
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
    this.#stopped = true;
    const results = await Promise.allSettled(this.providers.map((provider) => provider.stop()));
    for (const result of results)
      if (result.status === 'rejected')
        this.#options.logger.error({ reason: reasonOf(result.reason) }, 'a provider did not stop cleanly');
    this.#changes.stop();
    await this.#options.store.flush();
  }

  #build(route: string | undefined, rights: Rights, family: Family): View {
    const members = this.#membersOf(route, rights, family);
    const snapshots = members.flatMap((member) => {
      const snapshot = member.provider.snapshot() ?? member.warm;
      return snapshot ? this.#screening.screen(snapshot) : [];
    });
    const missing = members.filter(isCold);
    const names = members.map(({ provider }) => provider.id);
    const merged = route === undefined || this.group(route) !== undefined;
    const view = new View(snapshots, rights, merged, names, this.#options);
    // Kept also while a provider is missing: one that is down must not cost every call a view.
    if (this.#views.size >= maxViews) this.#forgetViews();
    this.#views.set(this.#viewKey(route, rights, family), { view, missing });
    return view;
  }

  #membersOf(route: string | undefined, rights: Rights, family: Family): Member[] {
    return this.#at(route).filter((each) => rights.reaches(each.provider.id) && servesFamily(each, family));
  }

  /** The providers of a route, whoever asks. */
  #at(route: string | undefined): Member[] {
    if (route === undefined) return [...this.#members.values()];
    const group = this.group(route)?.members;
    if (group) return [...this.#members.values()].filter(({ provider }) => group.has(provider.id));
    const member = this.#members.get(route);
    return member ? [member] : [];
  }

  /** Both families share a view while every provider serves both. */
  #viewKey(route: string | undefined, rights: Rights, family: Family): string {
    this.#split ??= [...this.#members.values()].some(
      (each) => !servesFamily(each, 'modern') || !servesFamily(each, 'legacy'),
    );
    return `${route ?? ''}\n${rights.key}${this.#split ? `\n${family}` : ''}`;
  }

  #forgetViews(): void {
    this.#views.clear();
    this.#split = undefined;
  }

  #onEvent(provider: Provider, event: ProviderEvent): void {
    const member = this.#members.get(provider.id);
    // A provider that was replaced may still be finishing its calls; it no longer speaks for its name.
    if (member?.provider !== provider) return;
    if (event.kind === 'snapshot') this.#onSnapshot(member, event.lists);
    else if (event.kind === 'availability') this.#onAvailability(member, event.available);
    else this.#tell({ kind: 'event', provider: provider.id, event });
  }

  #onSnapshot(member: Member, lists: readonly ListKind[]): void {
    const { provider, warm } = member;
    const snapshot = provider.snapshot();
    if (!snapshot) return;
    member.warm = undefined;
    this.#options.store.save(snapshot);
    member.offered = offeredOf(this.#screening.screen(snapshot));
    this.#followViews(member);
    // The first live lists may be those that were kept: nothing has changed for anybody.
    if (warm?.hash !== snapshot.hash) this.#changes.add([provider.id], lists);
  }

  /** The lists stay, but they say who is away: those who show them are told. */
  #onAvailability({ provider, warm }: Member, available: boolean): void {
    if (available) this.#away.delete(provider.id);
    else this.#away.add(provider.id);
    const known = provider.snapshot() ?? warm;
    if (known) this.#changes.add([provider.id], listsOf(known));
  }

  #tell(change: CatalogChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}

const itemKinds: Readonly<Record<SubjectKind, readonly ItemKind[]>> = {
  tool: ['tools'],
  prompt: ['prompts'],
  resource: ['resources', 'resourceTemplates'],
};
/** The names that are offered: enough to see that others are held back. */
const offeredOf = ({ tools, prompts, resources, resourceTemplates }: ProviderSnapshot): string =>
  JSON.stringify([
    tools.map(({ name }) => name),
    prompts.map(({ name }) => name),
    resources.map(({ uri }) => uri),
    resourceTemplates.map(({ uriTemplate }) => uriTemplate),
  ]);
const none: readonly string[] = [];
const allLists: readonly ListKind[] = ['tools', 'prompts', 'resources'];
const listsOf = ({ tools, prompts, resources, resourceTemplates }: ProviderSnapshot): ListKind[] => [
  ...(tools.length > 0 ? (['tools'] as const) : []),
  ...(prompts.length > 0 ? (['prompts'] as const) : []),
  ...(resources.length + resourceTemplates.length > 0 ? (['resources'] as const) : []),
];
/** Everything of a snapshot that a view shows; its lists by their hash. */
const factsOf = (snapshot: ProviderSnapshot | undefined): string => {
  if (!snapshot) return '';
  const { hash, family, ttlMs, cacheScope, capabilities, instructions, serverInfo } = snapshot;
  return JSON.stringify([hash, family, ttlMs, cacheScope, capabilities, instructions, serverInfo]);
};
const maxViews = 1000;
const servesFamily = ({ provider }: Member, family: Family): boolean => provider.serves?.(family) ?? true;
const isAwaited = (member: Member): boolean =>
  !member.settled && isCold(member) && performance.now() < member.waitUntil;
const isCold = ({ provider, warm }: Member): boolean => provider.snapshot() === undefined && warm === undefined;
