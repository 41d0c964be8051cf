import { Counter, Histogram, type HistogramConfiguration, type Registry } from 'prom-client';
import { callBuckets, meteredMethods, metricNames, otherLabel } from './names.js';

/** How a call ended, from the caller's side. `tool_error` is a result with `isError`. */
export type CallOutcome = 'ok' | 'tool_error' | 'refused' | 'cancelled' | 'timeout' | 'error';

/** Counts the calls of one provider and method. */
export interface CallMeter {
  /** Records one finished call. `seconds` is its duration. */
  done(outcome: CallOutcome, seconds: number): void;
}

/** Providers come from the configuration; the cap keeps a mistake elsewhere from growing the registry without end. */
const maxProviders = 1_000;

/**
 * The call counter and the duration histogram, kept as plain numbers per provider and method. prom-client hashes the
 * labels on every observation (0.4 microseconds each); here a call costs three additions, and the numbers are handed
 * over when somebody scrapes.
 */
export class CallTally {
  readonly #providers = new Map<string, Map<string, Cell>>();

  constructor(registry: Registry) {
    const counter = new Counter({
      name: metricNames.calls,
      help: 'Finished calls.',
      labelNames: ['provider', 'method', 'outcome'],
      registers: [registry],
      collect: () => {
        for (const cell of this.#cells()) cell.flush((labels, count) => counter.inc(labels, count));
      },
    });
    registry.registerMetric(new DurationHistogram(() => this.#cells()));
  }

  /** The meter of one pair: the same object each time, so that callers on the hot path may keep it. */
  meter(provider: string, method: string): CallMeter {
    const key = this.#providers.has(provider) || this.#providers.size < maxProviders ? provider : otherLabel;
    let methods = this.#providers.get(key);
    if (!methods) this.#providers.set(key, (methods = new Map<string, Cell>()));
    const name = meteredMethods.has(method) ? method : otherLabel;
    let cell = methods.get(name);
    if (!cell) methods.set(name, (cell = new Cell(key, name)));
    return cell;
  }

  *#cells(): Iterable<Cell> {
    for (const methods of this.#providers.values()) yield* methods.values();
  }
}

interface OutcomeLabels {
  provider: string;
  method: string;
  outcome: CallOutcome;
}

class Cell implements CallMeter {
  readonly provider: string;
  readonly method: string;
  /** Calls per bucket, not cumulated; the last place is everything above the highest bound. */
  readonly buckets = new Float64Array(callBuckets.length + 1);
  seconds = 0;
  readonly #pending: Record<CallOutcome, number> = {
    ok: 0,
    tool_error: 0,
    refused: 0,
    cancelled: 0,
    timeout: 0,
    error: 0,
  };

  constructor(provider: string, method: string) {
    this.provider = provider;
    this.method = method;
  }

  done(outcome: CallOutcome, seconds: number): void {
    this.#pending[outcome] += 1;
    this.seconds += seconds;
    let place = 0;
    while (place < callBuckets.length && seconds > (callBuckets[place] as number)) place += 1;
    this.buckets[place] = (this.buckets[place] as number) + 1;
  }

  /** Hands over what was counted since the last time. */
  flush(add: (labels: OutcomeLabels, count: number) => void): void {
    for (const [outcome, count] of Object.entries(this.#pending) as [CallOutcome, number][]) {
      if (count === 0) continue;
      this.#pending[outcome] = 0;
      add({ provider: this.provider, method: this.method, outcome }, count);
    }
  }
}

const configuration: HistogramConfiguration<DurationLabel> = {
  name: metricNames.callSeconds,
  help: 'Duration of calls in seconds.',
  labelNames: ['provider', 'method'],
  buckets: [...callBuckets],
  registers: [],
};

type DurationLabel = 'provider' | 'method' | 'le';
type DurationValues = Awaited<ReturnType<Histogram<DurationLabel>['get']>>;

/**
 * A histogram whose values are computed at scrape time from the cells. prom-client only accepts its own metric classes
 * in a registry, hence the subclass; the plain histogram supplies everything but the values.
 */
class DurationHistogram extends Histogram<DurationLabel> {
  readonly #cells: () => Iterable<Cell>;
  readonly #plain: Histogram<DurationLabel>;

  constructor(cells: () => Iterable<Cell>) {
    super(configuration);
    this.#cells = cells;
    this.#plain = new Histogram(configuration);
  }

  override async get(): Promise<DurationValues> {
    return { ...(await this.#plain.get()), values: [...this.#cells()].flatMap(histogramRows) };
  }

  /** The registry prefers this method of prom-client's own histogram when it exists, so it must agree with `get`. */
  getForPromString(): Promise<DurationValues> {
    return this.get();
  }
}

function histogramRows(cell: Cell): DurationValues['values'] {
  const labels = { provider: cell.provider, method: cell.method };
  let count = 0;
  const rows: DurationValues['values'] = [...cell.buckets].map((inBucket, place) => {
    count += inBucket;
    const le = callBuckets[place] ?? '+Inf';
    return { metricName: `${metricNames.callSeconds}_bucket`, labels: { le, ...labels }, value: count };
  });
  rows.push({ metricName: `${metricNames.callSeconds}_sum`, labels, value: cell.seconds });
  rows.push({ metricName: `${metricNames.callSeconds}_count`, labels, value: count });
  return rows;
}
