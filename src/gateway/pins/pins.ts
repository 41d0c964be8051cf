import type { Logger, Metrics } from '#kernel/telemetry/index.js';
import type { AuditWriter, SecurityEvent } from '../audit/index.js';
import type { ProviderSnapshot, Screening } from '../catalog/index.js';
import { approvalOf, pinKinds, sightingsOf, type PinKind, type Sighting } from './definition.js';
import { emptyPinSet, withPins, type Pin, type PinSet } from './pin-set.js';

/** What is done with an item that is not in its approved form: offered and told, held back, or not even looked at. */
export type PinPolicy = 'warn' | 'quarantine' | 'off';

export interface PinSettings {
  policyOf(provider: string): PinPolicy;
  /** What becomes of items of a server about which nobody has decided anything. */
  readonly firstUse: 'approve' | 'quarantine';
  readonly kinds: readonly PinKind[];
}

/** How an item stands to its pin: `new` has none. */
export type PinState = 'approved' | 'drifted' | 'new' | 'rejected';

/** An item of a server and its pin. */
export interface PinStatus {
  readonly kind: PinKind;
  readonly name: string;
  /** `removed`: pinned, and not offered any more. */
  readonly state: PinState | 'removed';
  /** True while it is hidden and refused. */
  readonly held: boolean;
  readonly pin: Pin | undefined;
  readonly current: Sighting | undefined;
}

export interface PinsOptions {
  readonly settings: PinSettings;
  readonly audit: AuditWriter;
  readonly metrics: Pick<Metrics, 'pinsQuarantined' | 'pinDrifts'>;
  readonly logger: Logger;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Told of what was trusted at first sight, so that it is kept. */
  readonly onTrusted: (provider: string, trusted: PinSet) => void;
}

interface Verdict {
  readonly hash: string;
  readonly state: PinState;
  readonly held: boolean;
}
type Verdicts = Readonly<Record<PinKind, ReadonlyMap<string, Verdict>>>;

/** Pins of one server at most: one that invents names without end must not fill the database. */
const maxPins = 20_000;

/**
 * Compares what servers offer with what was approved. That is done once for each snapshot, when it is taken; a call
 * only looks up the verdict.
 */
export class Pins implements Screening {
  readonly #options: PinsOptions;
  #settings: PinSettings;
  #sets: ReadonlyMap<string, PinSet> = new Map();
  readonly #verdicts = new Map<string, Verdicts>();
  #screened = new WeakMap<ProviderSnapshot, ProviderSnapshot>();
  readonly #sightings = new WeakMap<ProviderSnapshot, readonly Sighting[]>();

  constructor(options: PinsOptions) {
    this.#options = options;
    this.#settings = options.settings;
  }

  /** From now on other settings count; snapshots are judged anew when they are asked for. */
  configure(settings: PinSettings): void {
    this.#settings = settings;
    this.#screened = new WeakMap();
  }

  /** From now on other pins count. */
  replace(sets: ReadonlyMap<string, PinSet>): void {
    this.#sets = sets;
    this.#screened = new WeakMap();
  }

  setOf(provider: string): PinSet {
    return this.#sets.get(provider) ?? emptyPinSet;
  }

  /** The server has left. */
  forget(provider: string): void {
    this.#verdicts.delete(provider);
    this.#options.metrics.pinsQuarantined.remove({ provider });
  }

  screen(snapshot: ProviderSnapshot): ProviderSnapshot {
    const known = this.#screened.get(snapshot);
    if (known) return known;
    const screened = this.#judge(snapshot);
    this.#screened.set(snapshot, screened);
    return screened;
  }

  holds(provider: string, kinds: readonly PinKind[], name: string): boolean {
    const verdicts = this.#verdicts.get(provider);
    return verdicts !== undefined && kinds.some((kind) => verdicts[kind].get(name)?.held === true);
  }

  pinOf(provider: string, kinds: readonly PinKind[], name: string): string | undefined {
    const verdicts = this.#verdicts.get(provider);
    if (!verdicts) return undefined;
    for (const kind of kinds) {
      const hash = verdicts[kind].get(name)?.hash;
      if (hash !== undefined) return hash;
    }
    return undefined;
  }

  /** Every pin of a server and every item that it offers, by kind and name. */
  statusOf(snapshot: ProviderSnapshot): PinStatus[] {
    this.screen(snapshot);
    const { provider } = snapshot;
    const { pins } = this.setOf(provider);
    const verdicts = this.#verdicts.get(provider);
    if (!verdicts) return [];
    const current = this.#see(snapshot).map((sighting): PinStatus => {
      const { kind, name, hash } = sighting;
      const known = verdicts[kind].get(name);
      const verdict = known?.hash === hash ? known : this.#verdictOf(sighting, this.setOf(provider), provider);
      return { kind, name, state: verdict.state, held: verdict.held, pin: pins[kind].get(name), current: sighting };
    });
    const removed = this.#settings.kinds.flatMap((kind) =>
      [...pins[kind]]
        .filter(([name, pin]) => pin.approved !== undefined && !verdicts[kind].has(name))
        .map(([name, pin]): PinStatus => ({ kind, name, state: 'removed', held: false, pin, current: undefined })),
    );
    return [...current, ...removed];
  }

  #see(snapshot: ProviderSnapshot): readonly Sighting[] {
    const seen = this.#sightings.get(snapshot) ?? sightingsOf(snapshot);
    this.#sightings.set(snapshot, seen);
    return seen.filter(({ kind }) => this.#settings.kinds.includes(kind));
  }

  #judge(snapshot: ProviderSnapshot): ProviderSnapshot {
    const { provider } = snapshot;
    if (this.#settings.policyOf(provider) === 'off') {
      this.forget(provider);
      return snapshot;
    }
    const seen = this.#see(snapshot);
    const set = this.#trust(provider, seen);
    const verdicts: Record<PinKind, Map<string, Verdict>> = {
      tools: new Map(),
      prompts: new Map(),
      resources: new Map(),
      resourceTemplates: new Map(),
    };
    const held = new Set<unknown>();
    for (const sighting of seen) {
      const verdict = this.#verdictOf(sighting, set, provider);
      if (verdict.held) held.add(sighting.item);
      const of = verdicts[sighting.kind];
      // Of a server's own duplicates the one that is offered counts.
      const before = of.get(sighting.name);
      if (!before || (before.held && !verdict.held)) of.set(sighting.name, verdict);
    }
    this.#tell(provider, verdicts);
    this.#options.metrics.pinsQuarantined.set({ provider }, held.size);
    return held.size === 0 ? snapshot : without(snapshot, held);
  }

  /** Pins what is seen for the first time, where nobody has decided otherwise. */
  #trust(provider: string, seen: readonly Sighting[]): PinSet {
    const set = this.setOf(provider);
    if (set.locked || this.#settings.firstUse !== 'approve') return set;
    const room = maxPins - pinKinds.reduce((sum, kind) => sum + set.pins[kind].size, 0);
    const fresh = seen.filter(({ kind, name }) => !set.pins[kind].has(name)).slice(0, Math.max(0, room));
    if (fresh.length === 0) return set;
    const next = withPins(set, fresh.map(approvalOf), false);
    this.#sets = new Map(this.#sets).set(provider, next);
    this.#record('pin.trusted', provider, undefined, { items: fresh.length });
    this.#options.onTrusted(provider, next);
    return next;
  }

  #verdictOf({ kind, name, hash }: Sighting, set: PinSet, provider: string): Verdict {
    const pin = set.pins[kind].get(name);
    const state: PinState = pin?.rejected.includes(hash)
      ? 'rejected'
      : pin?.approved === undefined
        ? 'new'
        : pin.approved.hash === hash
          ? 'approved'
          : 'drifted';
    const strict = this.#settings.policyOf(provider) === 'quarantine';
    return { hash, state, held: state === 'rejected' || (strict && state !== 'approved') };
  }

  /** Records what is different from the last time. */
  #tell(provider: string, verdicts: Verdicts): void {
    const before = this.#verdicts.get(provider);
    this.#verdicts.set(provider, verdicts);
    for (const kind of pinKinds)
      for (const [name, { state, hash, held }] of verdicts[kind]) {
        const last = before?.[kind].get(name);
        if (last?.held === true && !held) this.#record('pin.released', provider, name, { kind, hash });
        if (state !== 'drifted' && state !== 'new') continue;
        if (last?.hash === hash && last.state === state && last.held === held) continue;
        this.#options.metrics.pinDrifts.inc({ provider });
        this.#record('pin.drifted', provider, name, { kind, hash, state, quarantined: held ? 'yes' : 'no' });
        this.#options.logger.warn({ provider, kind, name, state, held }, 'an item is not in its approved form');
      }
  }

  #record(
    event: SecurityEvent,
    provider: string,
    name: string | undefined,
    detail: Readonly<Record<string, string | number>>,
  ): void {
    const outcome = event === 'pin.drifted' ? 'refused' : 'ok';
    this.#options.audit.write({
      kind: 'security',
      event,
      time: this.#options.now(),
      outcome: detail['quarantined'] === 'no' ? 'ok' : outcome,
      provider,
      name,
      detail,
    });
  }
}

function without(snapshot: ProviderSnapshot, held: ReadonlySet<unknown>): ProviderSnapshot {
  const kept = <Item>(items: readonly Item[]): readonly Item[] => items.filter((item) => !held.has(item));
  const { tools, prompts, resources, resourceTemplates } = snapshot;
  return {
    ...snapshot,
    tools: kept(tools),
    prompts: kept(prompts),
    resources: kept(resources),
    resourceTemplates: kept(resourceTemplates),
  };
}
